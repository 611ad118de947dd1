package verifier_test
import ("testing";"time";"sort";"fmt";"context";"os"
"github.com/gatehouse-auth/gatehouse/verifier")
func TestRatioZZ(t *testing.T){
 if os.Getenv("RATIO")=="" {t.Skip()}
 for _,name:=range []string{"ES256","EdDSA","RS256-2048","RS256-3072"} {
  s:=benchSigners()[name]
  tokens:=make([]string,benchTokens)
  at:=time.Now()
  for i:=range tokens { tokens[i]=s.good(claimsAt(at).with("jti",fmt.Sprint("0197a0b2-0000-7000-8000-0000000",i))) }
  set:=keySet(t,s)
  v,_:=verifier.New(issuer,audience,verifier.WithCacheSize(4),verifier.WithKeySet(func()*verifier.KeySet{return set}))
  check:=bare(s,tokens); ctx:=context.Background()
  rounds:=800; if name=="RS256-3072"{rounds=300}
  var ratios []float64
  n:=0
  A:=func()time.Duration{b:=time.Now();for i:=0;i<16;i++{if _,err:=v.Verify(ctx,tokens[(n+i)%benchTokens]);err!=nil{t.Fatal(err)}};return time.Since(b)}
  B:=func()time.Duration{b:=time.Now();for i:=0;i<16;i++{check((n+i)%benchTokens)};return time.Since(b)}
  for r:=0;r<rounds;r++{ n+=16; var a,b time.Duration; if r%2==0{a=A();b=B()}else{b=B();a=A()}; ratios=append(ratios,float64(a)/float64(b))}
  sort.Float64s(ratios); fmt.Println(name,ratios[len(ratios)/2])
 }
}
