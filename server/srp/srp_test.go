package srp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
)

type vector struct {
	Pool, User, Password, Salt, Verifier, B, Key, SecretBlock, Timestamp, Signature string
	ClientPublic                                                                    string
	ServerPublic                                                                    string
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var list []vector
	for _, r := range rows {
		list = append(list, vector{r["pool"], r["user"], r["password"], r["salt"], r["verifier"], r["b"], r["key"], r["secretBlock"], r["timestamp"], r["signature"], r["A"], r["B"]})
	}
	return list
}

func raw(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClientsArriveAtTheSameNumbers(t *testing.T) {
	for _, v := range vectors(t) {
		made := verifier(v.Pool, v.User, v.Password, raw(t, v.Salt))
		if got := number(made.Value).Text(16); got != strings.TrimLeft(v.Verifier, "0") {
			t.Fatalf("verifier of %q: got %s, want %s", v.Password, got, v.Verifier)
		}
		a, err := publicValue(v.ClientPublic)
		if err != nil {
			t.Fatal(err)
		}
		e, public, err := begin(made, a, raw(t, v.B))
		if err != nil || public != strings.TrimLeft(v.ServerPublic, "0") {
			t.Errorf("B: got %s, %v, want %s", public, err, v.ServerPublic)
		}
		if got := hex.EncodeToString(e.key()); got != v.Key {
			t.Errorf("key: got %s, want %s", got, v.Key)
		}
		block, err := base64.StdEncoding.DecodeString(v.SecretBlock)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := base64.StdEncoding.DecodeString(v.Signature)
		if err != nil {
			t.Fatal(err)
		}
		p := Proof{Pool: v.Pool, User: v.User, SecretBlock: block, Timestamp: v.Timestamp, Signature: signature}
		if !e.Right(p) {
			t.Errorf("the signature of %s is refused", v.User)
		}
		if _, err := Time(v.Timestamp); err != nil {
			t.Errorf("timestamp: %v", err)
		}
		for what, change := range map[string]func(*Proof){
			"another user":      func(p *Proof) { p.User += "x" },
			"another time":      func(p *Proof) { p.Timestamp = strings.Replace(p.Timestamp, "2026", "2027", 1) },
			"another block":     func(p *Proof) { p.SecretBlock = append([]byte{1}, p.SecretBlock...) },
			"another signature": func(p *Proof) { p.Signature = append([]byte{}, p.Signature[:31]...) },
			"no signature":      func(p *Proof) { p.Signature = nil },
		} {
			other := p
			change(&other)
			if e.Right(other) {
				t.Errorf("%s is accepted", what)
			}
		}
		if e.V = verifier(v.Pool, v.User, v.Password+" ", raw(t, v.Salt)).Value; e.Right(p) {
			t.Error("another password is accepted")
		}
	}
}

func TestPublicValuesThatMakeTheKeyKnownAreRefused(t *testing.T) {
	twice := new(big.Int).Mul(prime, big.NewInt(2)).Text(16)
	for _, text := range []string{"", "0", "00", strings.Repeat("0", 768), prime.Text(16), "0" + prime.Text(16), twice, new(big.Int).Add(prime, big.NewInt(1)).Text(16), "xyz", "-1", "+1", " 1", strings.Repeat("f", 768), strings.Repeat("1", 100000)} {
		if _, _, err := Begin(NewVerifier("Pool1", "u", "p"), text); !errors.Is(err, ErrPublicValue) {
			t.Errorf("%.20q (%d): got %v, want ErrPublicValue", text, len(text), err)
		}
	}
	if _, _, err := Begin(NewVerifier("Pool1", "u", "p"), "2"); err != nil {
		t.Errorf("g itself: %v", err)
	}
}

func BenchmarkBegin(b *testing.B) {
	v := NewVerifier("Pool1", "u", "p")
	for b.Loop() {
		if _, _, err := Begin(v, "1234567890abcdef"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRight(b *testing.B) {
	e, _, err := Begin(NewVerifier("Pool1", "u", "p"), "1234567890abcdef")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e.Right(Proof{Pool: "Pool1", User: "u"})
	}
}
