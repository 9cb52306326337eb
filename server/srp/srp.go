// Package srp is the server's side of the secure remote password protocol in the form that Amazon Cognito's clients speak: SRP-6a
// over the 3072-bit group of RFC 5054 with SHA-256, and a signature of the session in place of M1 and M2. The password never comes
// here; a verifier is kept in its stead. It owns numbers, and neither rows, nor budgets, nor what a right proof is good for.
//
// A verifier does not sign anybody in, but who has one can try passwords at about a fortieth of what argon2id makes them cost:
// keep it sealed, and only where a client needs it.
package srp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"math/big"
	"time"
)

// ErrPublicValue refuses a public value of the client that is no number of the group, or that would make the key known to
// everybody (A mod N = 0: RFC 5054 §2.5.4).
var ErrPublicValue = errors.New("not a public value of the group")

// The group of RFC 5054, Appendix A, with 3072 bits: N and g.
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
	generator  = big.NewInt(2)
	multiplier = number(sum(pad(prime), pad(generator))) // k
)

// saltSize is how many random bytes a verifier is made with.
const saltSize = 16

// Verifier is what is kept of a password.
type Verifier struct {
	Salt  []byte
	Value []byte // v = g^x mod N, big-endian
}

// NewVerifier makes the verifier of a password. pool is the part of the pool's id after the _, user what the client is told as
// USER_ID_FOR_SRP: neither may ever change, or the verifier is worth nothing.
func NewVerifier(pool, user, password string) Verifier {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	return verifier(pool, user, password, salt)
}

func verifier(pool, user, password string, salt []byte) Verifier {
	x := number(sum(pad(number(salt)), sum([]byte(pool+user+":"+password))))
	return Verifier{Salt: salt, Value: new(big.Int).Exp(generator, x, prime).Bytes()}
}

// FakeSalt is the salt shown for somebody there is not: seed must be secret, and always the same for one name.
func FakeSalt(seed []byte) []byte { return seed[:saltSize] }

// SaltHex is the salt as the wire has it.
func SaltHex(salt []byte) string { return number(salt).Text(16) }

// Exchange is one sign-in under way: what has to be remembered between its two messages, sealed, for b is secret.
type Exchange struct {
	A []byte // the client's public value
	B []byte // the server's secret value
	V []byte // the verifier's value; random for somebody there is not
}

// Begin answers the client's public value, as hexadecimal digits, with the server's: hexadecimal digits, too. One modular power of
// a 256-bit number: count what is allowed before. ErrPublicValue.
func Begin(v Verifier, clientPublic string) (Exchange, string, error) {
	a, err := publicValue(clientPublic)
	if err != nil {
		return Exchange{}, "", err
	}
	secret := make([]byte, sha256.Size)
	rand.Read(secret) // never fails
	return begin(v, a, secret)
}

func begin(v Verifier, a *big.Int, secret []byte) (Exchange, string, error) {
	// All of one size: the length of what is sealed must not tell whose it is.
	e := Exchange{A: sized(a), B: secret, V: sized(number(v.Value))}
	return e, e.public().Text(16), nil
}

// Of reports whether the exchange was begun with that verifier.
func (e Exchange) Of(v Verifier) bool {
	return subtle.ConstantTimeCompare(e.V, sized(number(v.Value))) == 1
}

func sized(n *big.Int) []byte { return n.FillBytes(make([]byte, 3072/8)) }

// public is B = k·v + g^b mod N.
func (e Exchange) public() *big.Int {
	b := new(big.Int).Exp(generator, number(e.B), prime)
	b.Add(b, new(big.Int).Mul(multiplier, number(e.V)))
	return b.Mod(b, prime)
}

func publicValue(text string) (*big.Int, error) {
	const most = 2 * 3072 / 8
	if text == "" || len(text) > most+2 {
		return nil, ErrPublicValue
	}
	if len(text)%2 == 1 {
		text = "0" + text
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, ErrPublicValue
	}
	a := number(raw)
	if a.Cmp(prime) >= 0 || a.Sign() == 0 {
		return nil, ErrPublicValue
	}
	return a, nil
}

// Proof is what the client brings back.
type Proof struct {
	Pool, User  string
	SecretBlock []byte // decoded, as the server sent it
	Timestamp   string // as sent
	Signature   []byte // decoded
}

// Right reports whether the client knows the password. Two modular powers.
func (e Exchange) Right(p Proof) bool {
	mac := hmac.New(sha256.New, e.key())
	mac.Write([]byte(p.Pool + p.User))
	mac.Write(p.SecretBlock)
	mac.Write([]byte(p.Timestamp))
	return subtle.ConstantTimeCompare(mac.Sum(nil), p.Signature) == 1
}

// key is the 16 bytes both sides arrive at: HKDF (RFC 5869) of S with u as salt.
func (e Exchange) key() []byte {
	u := number(sum(pad(number(e.A)), pad(e.public())))
	s := new(big.Int).Exp(number(e.V), u, prime)
	s.Mul(s, number(e.A))
	s.Exp(s.Mod(s, prime), number(e.B), prime)
	return mac(mac(pad(u), pad(s)), []byte("Caldera Derived Key\x01"))[:16]
}

// timeLayout is how clients write the time: in English, the day without a leading zero.
const timeLayout = "Mon Jan 2 15:04:05 MST 2006"

// Time reads a timestamp as clients write it.
func Time(text string) (time.Time, error) { return time.Parse(timeLayout, text) }

// pad writes a number as Java's BigInteger.toByteArray does: big-endian, with a zero byte before a first bit that is set.
func pad(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return b
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }

func sum(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
