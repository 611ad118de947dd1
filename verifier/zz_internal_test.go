package verifier
import ("testing";"time";"encoding/base64";"strings";"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson")
var pl = `{"acr":"aal2","amr":["pwd","otp"],"aud":"https://notes.example.com","auth_time":1795348800,"client_id":"first-party","exp":1795349400,"iat":1795348800,"iss":"https://id.example.com/api/auth","jti":"0197a0b2-0000-7000-8000-000000000001","permissions":["notes.read","notes.write"],"role":"editor","scope":"notes profile","sid":"0197a0b2-session","sub":"0197a0b2-subject","tenant_id":"tenant-a","user_id":"0197a0b2-subject"}`
var sink any
var sinkS string
func BenchmarkZZ(b *testing.B){
 v:=&Verifier{issuer:"https://id.example.com/api/auth",audiences:[]string{"https://notes.example.com"}}
 now:=time.Unix(1795348800,0)
 enc:=base64.RawURLEncoding.EncodeToString([]byte(pl))
 tok:=strings.Repeat("A",60)+"."+enc+"."+strings.Repeat("A",342)
 c:=newCache(4096)
 b.Logf("payload %d token %d",len(pl),len(tok))
 b.Run("identify",func(b *testing.B){b.ReportAllocs();for b.Loop(){id:=new(seen);if err:=v.identify(&id.id,pl,now);err!=nil{b.Fatal(err)};sink=id}})
 b.Run("object",func(b *testing.B){b.ReportAllocs();for b.Loop(){strictjson.Object(pl,func(n,v string)error{return nil})}})
 b.Run("decode",func(b *testing.B){b.ReportAllocs();for b.Loop(){sinkS,_=decode(enc)}})
 b.Run("sig",func(b *testing.B){b.ReportAllocs();for b.Loop(){var buf [maxSignature]byte;decodeInto(buf[:],tok[len(tok)-342:])}})
 b.Run("split",func(b *testing.B){b.ReportAllocs();for b.Loop(){p,_:=split(tok);sinkS=p.header}})
 b.Run("clone",func(b *testing.B){b.ReportAllocs();for b.Loop(){sink=[]byte(tok)}})
 b.Run("hash",func(b *testing.B){b.ReportAllocs();for b.Loop(){c.hash(tok)}})
}
