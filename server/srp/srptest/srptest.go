// Package srptest is the client's side of SRP, written from its description and not from the server's code, for tests that sign in by it.
package srptest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"time"
)

var (
	prime, _ = new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"+
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"+
		"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"+
		"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"+
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"+
		"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"+
		"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"+
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"+
		"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"+
		"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF", 16)
	generator = big.NewInt(2)
)

// Client is one sign-in.
type Client struct{ a *big.Int }

// New begins one; secret is any number the caller likes.
func New(secret int64) Client { return Client{big.NewInt(secret)} }

// A is the public value, as the wire has it.
func (c Client) A() string { return new(big.Int).Exp(generator, c.a, prime).Text(16) }

// Timestamp writes a time as clients do.
func Timestamp(at time.Time) string { return at.UTC().Format("Mon Jan 2 15:04:05 UTC 2006") }

// Sign answers a challenge. salt and public are hexadecimal, block is base64.
func (c Client) Sign(pool, user, password, salt, public, block, timestamp string) string {
	b, _ := new(big.Int).SetString(public, 16)
	s, _ := new(big.Int).SetString(salt, 16)
	a := new(big.Int).Exp(generator, c.a, prime)
	k := hash(pad(prime), pad(generator))
	u := hash(pad(a), pad(b))
	inner := sha256.Sum256([]byte(pool + user + ":" + password))
	x := hash(pad(s), inner[:])
	// S = (B - k·g^x)^(a + u·x)
	base := new(big.Int).Mul(k, new(big.Int).Exp(generator, x, prime))
	base.Sub(b, base).Mod(base, prime)
	shared := new(big.Int).Exp(base, new(big.Int).Add(c.a, new(big.Int).Mul(u, x)), prime)
	prk := mac(pad(u), pad(shared))
	key := mac(prk, []byte("Caldera Derived Key\x01"))[:16]
	raw, _ := base64.StdEncoding.DecodeString(block)
	m := hmac.New(sha256.New, key)
	m.Write([]byte(pool + user))
	m.Write(raw)
	m.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func pad(n *big.Int) []byte {
	text := n.Text(16)
	if len(text)%2 == 1 {
		text = "0" + text
	}
	if text[0] > '7' {
		text = "00" + text
	}
	b, _ := hex.DecodeString(text)
	return b
}

func hash(parts ...[]byte) *big.Int {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return new(big.Int).SetBytes(h.Sum(nil))
}

func mac(key, text []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(text)
	return m.Sum(nil)
}
