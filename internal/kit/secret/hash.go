package secret

// Hasher turns random tokens into what a table may hold: a keyed hash that names its key.
// Whoever reads the table can neither use a hash nor test a guess. It is for tokens of at
// least 64 random bits, never for passwords. It is safe for concurrent use.
type Hasher struct {
	ring   Ring
	prefix []byte
}

// NewHasher returns a hasher for one kind of token. purpose separates the kinds: the same
// token hashed for another purpose gives another hash, so none can be redeemed in the
// wrong place. It must be a constant that is never changed while hashes are stored.
func NewHasher(ring Ring, purpose string) *Hasher {
	return &Hasher{ring, AAD(purpose)}
}

// Sum returns the hash to store: key id (4 bytes) and HMAC-SHA-256 (32) under the newest key.
func (h *Hasher) Sum(token string) []byte { return h.sum(h.ring.Newest(), token) }

// Candidates returns every hash that token may be stored as, newest key first: one for
// each live key. Look them up by equality; at most one is there.
func (h *Hasher) Candidates(token string) [][]byte {
	keys := h.ring.All()
	sums := make([][]byte, len(keys))
	for i, key := range keys {
		sums[i] = h.sum(key, token)
	}
	return sums
}

func (h *Hasher) sum(key Key, token string) []byte {
	message := make([]byte, 0, len(h.prefix)+len(token))
	message = append(append(message, h.prefix...), token...)
	mac := key.MAC(message)
	return append(key.id[:len(key.id):len(key.id)], mac[:]...)
}
