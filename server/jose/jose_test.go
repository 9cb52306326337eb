package jose

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
	"errors"
	"fmt"
	"strings"
	"testing"
)

func enc(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func parse(t *testing.T, token string) *JWS {
	t.Helper()
	j, err := Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func keys(t *testing.T, jwk ...string) Set {
	t.Helper()
	set, err := ParseSet([]byte(`{"keys":[` + strings.Join(jwk, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// RFC 7515 appendix A.3: ES256.
func TestTheSignatureOfRFC7515A3IsVerified(t *testing.T) {
	set := keys(t, `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`)
	j := parse(t, "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."+
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	if !j.Verify(set) || string(j.Claims["iss"]) != `"joe"` {
		t.Fatal("refused")
	}
}

// RFC 8037 appendix A.2 and A.4: the key, and a signature with it (here over claims of our own, since theirs is no JSON).
func TestEd25519UnderBothNamesIsVerified(t *testing.T) {
	seed, _ := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	private := ed25519.NewKeyFromSeed(seed)
	set := keys(t, `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)
	for _, alg := range []string{"EdDSA", "Ed25519"} {
		input := enc([]byte(`{"alg":"`+alg+`"}`)) + "." + enc([]byte(`{}`))
		if !parse(t, input+"."+enc(ed25519.Sign(private, []byte(input)))).Verify(set) {
			t.Errorf("%s refused", alg)
		}
	}
}

func TestOnlyTheAlgorithmOfTheKeyVerifies(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := enc(private.N.Bytes())
	jwk := `{"kty":"RSA","n":"` + n + `","e":"AQAB"`
	free, pinned := keys(t, jwk+`}`), keys(t, jwk+`,"alg":"PS256"}`)
	sign := func(alg string) string {
		input := enc([]byte(`{"alg":"`+alg+`"}`)) + "." + enc([]byte(`{}`))
		digest := sha256.Sum256([]byte(input))
		var signature []byte
		switch alg {
		case "RS256":
			signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
		case "PS256":
			signature, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
		case "PS256-20":
			input = enc([]byte(`{"alg":"PS256"}`)) + "." + enc([]byte(`{}`))
			digest = sha256.Sum256([]byte(input))
			signature, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 20})
		case "HS256": // the public key as the shared secret
			mac := hmac.New(sha256.New, []byte(n))
			mac.Write([]byte(input))
			signature = mac.Sum(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + enc(signature)
	}
	for _, test := range []struct {
		name string
		alg  string
		keys Set
		want bool
	}{
		{"RS256", "RS256", free, true}, {"PS256", "PS256", free, true}, {"PS256 with its own key", "PS256", pinned, true},
		{"RS256 with a key for PS256", "RS256", pinned, false}, {"PS256 with another salt", "PS256-20", free, false},
		{"HS256", "HS256", free, false}, {"none", "none", free, false}, {"None", "None", free, false}, {"no alg", "", free, false},
	} {
		if got := parse(t, sign(test.alg)).Verify(test.keys); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	other := parse(t, sign("RS256"))
	other.input += "x"
	if other.Verify(free) {
		t.Error("a changed message verifies")
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	ok := enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`{}`)) + "." + enc(make([]byte, 64))
	if _, err := Parse(ok); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", ".", "..", "a.b.c", ok + ".", ok + "=", "." + ok, strings.Replace(ok, ".", "\n.", 1), strings.TrimSuffix(ok, "A") + "B",
		enc([]byte(`{"alg":"ES256","alg":"none"}`)) + "." + enc([]byte(`{}`)) + ".", enc([]byte(`{"alg":1}`)) + "." + enc([]byte(`{}`)) + ".",
		enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`{"a":1,"a":2}`)) + ".", enc([]byte(`[]`)) + "." + enc([]byte(`{}`)) + ".",
		enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`"text"`)) + ".", enc([]byte(`{"alg":"ES256"} x`)) + "." + enc([]byte(`{}`)) + ".",
		enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`{"a":`+strings.Repeat("[", 20000)+`}`)) + ".",
		enc([]byte(`{"alg":"ES256","x":"`+strings.Repeat("x", maxToken)+`"}`)) + "." + enc([]byte(`{}`)) + "."} {
		if _, err := Parse(token); !errors.Is(err, ErrFormat) {
			t.Errorf("%.60q: got %v", token, err)
		}
	}
	if _, err := Parse(enc([]byte(`{"alg":"ES256","crit":["b64"],"b64":false}`)) + "." + enc([]byte(`{}`)) + "."); !errors.Is(err, ErrCritical) {
		t.Errorf("crit: got %v", err)
	}
}

func TestNamesInAHeaderCountLetterByLetter(t *testing.T) {
	if j := parse(t, enc([]byte(`{"ALG":"RS256","Kid":"x"}`))+"."+enc([]byte(`{}`))+"."); j.Header != (Header{}) {
		t.Fatalf("got %+v", j.Header)
	}
}

func TestKeySets(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, _ := ec.PublicKey.Bytes()
	x, y := enc(point[1:33]), enc(point[33:])
	good := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q,"kid":"a"`, x, y)
	for _, test := range []struct {
		name, set string
		keys      int // -1: an error
	}{
		{"one", `{"keys":[` + good + `}]}`, 1},
		{"none", `{"keys":[]}`, 0},
		{"other members", `{"x":1,"keys":[` + good + `,"use":"sig","key_ops":["verify"],"x5c":["AA"]}]}`, 1},
		{"for encryption", `{"keys":[` + good + `,"use":"enc"}]}`, 0},
		{"an algorithm we do not have", `{"keys":[` + good + `,"alg":"ES384"}]}`, 0},
		{"kinds we do not know", `{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"},{"kty":"AKP"}]}`, 0},
		{"private", `{"keys":[` + good + `,"d":"AA"}]}`, -1},
		{"shared", `{"keys":[{"kty":"oct","k":"AA"}]}`, -1},
		{"an algorithm of another kind", `{"keys":[` + good + `,"alg":"RS256"}]}`, -1},
		{"no point", fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","x":%q,"y":%q}]}`, x, x), -1},
		{"short RSA", `{"keys":[{"kty":"RSA","n":"` + enc(append([]byte{0x80}, make([]byte, 127)...)) + `","e":"AQAB"}]}`, -1},
		{"exponent 1", `{"keys":[{"kty":"RSA","n":"` + enc(append([]byte{0x80}, make([]byte, 255)...)) + `","e":"AQ"}]}`, -1},
		{"short Ed25519", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`, -1},
		{"no kty", `{"keys":[{}]}`, -1},
		{"no list", `{"keys":{}}`, -1},
		{"no keys", `{}`, -1},
		{"keys twice", `{"keys":[],"keys":[` + good + `}]}`, -1},
		{"no object", `[]`, -1},
		{"too many", `{"keys":[` + strings.Repeat(good+`},`, 60) + good + `}]}`, -1},
	} {
		set, err := ParseSet([]byte(test.set))
		if err != nil && test.keys >= 0 || err == nil && test.keys != len(set) {
			t.Errorf("%s: got %d keys, %v", test.name, len(set), err)
		}
	}
}

func TestCandidatesAreNamedOrOfTheRightKind(t *testing.T) {
	set := keys(t, `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"b"}`,
		`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`)
	for h, want := range map[Header]int{{Alg: "EdDSA", Kid: "a"}: 1, {Alg: "EdDSA"}: 2, {Alg: "EdDSA", Kid: "c"}: 0, {Alg: "ES256", Kid: "z"}: 1, {Alg: "RS256"}: 0} {
		if got := len(set.Candidates(h)); got != want {
			t.Errorf("%+v: got %d, want %d", h, got, want)
		}
	}
}
