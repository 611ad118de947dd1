package verifier

import (
	"crypto/ed25519"
	"net/http"
	"testing"
	"time"
)

// TestRefreshLeavesAFreshSetAlone is what a request sees that found the set too old and comes
// after the one that has fetched it anew.
func TestRefreshLeavesAFreshSetAlone(t *testing.T) {
	r, now := newRemote("", &http.Client{}, nil), time.Now()
	r.held.Store(&fetched{set: &KeySet{}, at: now})
	if r.refresh(now.Add(freshFor-1)) != nil {
		t.Error("a second fetch was begun")
	}
}

// TestRefreshJoinsTheFetchUnderWay even where the one before it has only just failed.
func TestRefreshJoinsTheFetchUnderWay(t *testing.T) {
	r, now := newRemote("", &http.Client{}, nil), time.Now()
	r.failed, r.running = &flight{started: now}, &flight{started: now}
	if r.refresh(now) != r.running {
		t.Error("the failed fetch was believed")
	}
}

func TestSetsDifferWhereOnlyAnAlgorithmDoes(t *testing.T) {
	public := ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
	with := func(algorithm string) *KeySet {
		return &KeySet{keys: map[string]*key{"a": {algorithm: algorithm, public: public}}}
	}
	if with("a").equal(with("b")) || !with("a").equal(with("a")) {
		t.Error("the algorithm does not count")
	}
}
