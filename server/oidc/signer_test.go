package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/url"
	"sync"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// signer is a client's key pair.
type signer struct {
	alg, kid string
	private  crypto.Signer
}

var testRSA = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newSigner(alg, kid string) *signer {
	s := &signer{alg: alg, kid: kid}
	switch alg {
	case "ES256":
		s.private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, s.private, _ = ed25519.GenerateKey(rand.Reader)
	default:
		s.private = testRSA()
	}
	return s
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is the public key.
func (s *signer) jwk() map[string]any {
	out := map[string]any{"kid": s.kid, "use": "sig", "alg": s.alg}
	switch k := s.private.Public().(type) {
	case *rsa.PublicKey:
		out["kty"], out["n"], out["e"] = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := k.Bytes()
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", b64(k)
	}
	return out
}

func jwks(signers ...*signer) []byte {
	list := []any{}
	for _, s := range signers {
		list = append(list, s.jwk())
	}
	text, _ := json.Marshal(map[string]any{"keys": list})
	return text
}

// sign makes a compact JWS; header adds to alg and kid, or changes them.
func (s *signer) sign(claims, header map[string]any) string {
	h := map[string]any{"alg": s.alg, "kid": s.kid, "typ": "JWT"}
	maps.Copy(h, header)
	for name, v := range h {
		if v == nil {
			delete(h, name)
		}
	}
	for name, v := range claims {
		if v == nil {
			delete(claims, name)
		}
	}
	head, _ := json.Marshal(h)
	body, _ := json.Marshal(claims)
	input := b64(head) + "." + b64(body)
	return input + "." + b64(s.signature(input))
}

func (s *signer) signature(input string) []byte {
	digest := sha256.Sum256([]byte(input))
	var out []byte
	switch k := s.private.(type) {
	case *rsa.PrivateKey:
		if s.alg == "PS256" {
			out, _ = rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
		} else {
			out, _ = rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
		}
	case *ecdsa.PrivateKey:
		r, sum, _ := ecdsa.Sign(rand.Reader, k, digest[:])
		out = make([]byte, 64)
		r.FillBytes(out[:32])
		sum.FillBytes(out[32:])
	case ed25519.PrivateKey:
		out = ed25519.Sign(k, []byte(input))
	}
	return out
}

// withPublicKeyAsSecret signs by HS256 with the bytes of the public JWK: the classic confusion of algorithms.
func (s *signer) withPublicKeyAsSecret(claims map[string]any) string {
	head, _ := json.Marshal(map[string]any{"alg": "HS256", "kid": s.kid})
	body, _ := json.Marshal(claims)
	key, _ := json.Marshal(s.jwk())
	input := b64(head) + "." + b64(body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

// assertion is what a client says to prove who it is; change may alter the claims.
func (w *world) assertion(client string, change ...func(map[string]any)) map[string]any {
	now := w.now()
	c := map[string]any{"iss": client, "sub": client, "aud": "https://id.example/oidc", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": secret.Token(16)}
	for _, f := range change {
		f(c)
	}
	return c
}

func claim(name string, value any) func(map[string]any) {
	return func(c map[string]any) { c[name] = value }
}

// asserting adds a client assertion to a form.
func asserting(token string) func(url.Values) {
	return func(v url.Values) {
		v.Set("client_assertion_type", assertionType)
		v.Set("client_assertion", token)
	}
}

// addKeyClient registers a client that authenticates by private_key_jwt.
func (w *world) addKeyClient(t testing.TB, id string, s *signer, change ...func(*storage.Client)) {
	t.Helper()
	w.addClient(id, "web", func(c *storage.Client) {
		c.Settings.AuthMethod, c.Settings.JWKS = storage.PrivateKeyJWT, jwks(s)
		for _, f := range change {
			f(c)
		}
	})
}
