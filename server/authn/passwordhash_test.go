package authn

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// light is a hasher for tests that are not about its cost.
func light() hasher {
	return newHasher(Passwords{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Concurrency: 2})
}

func TestHashesOfOtherProgramsAreCheckedAndRenewed(t *testing.T) {
	const password = "correct horse battery"
	for name, kept := range map[string]string{ // by argon2-cffi, hashlib, passlib and bcrypt of Python
		"argon2id":            "$argon2id$v=19$m=8192,t=2,p=4$lnLppZdVkA5YeMdznfZN/g$UoTmrZGs66aFEN7Hul7a5NxyYCPGDOMozREnO2duDX8",
		"scrypt":              "$scrypt$ln=14,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$5GYwc6UhfOuSUrVF1B3/xs+X+WkpnfAyexOvmlOjB3U",
		"pbkdf2-sha256":       "$pbkdf2-sha256$i=10000$c29tZXNhbHRzb21lc2FsdA$0dKWAp7cC5OTxmn1nt3cSgnaf8Aj91V/Mo4jORurKSU",
		"passlib's":           "$pbkdf2-sha256$10000$RAhBqHXOGWOs9f6f8x5DCA$OEuaG42zS59K9Kz7C1ZseF0nkC3zfAO1JCGuVVcKuAM",
		"bcrypt":              "$2b$05$IxCiD5zoJ07ft2OVxNx96Oqo6pVnRixxYUzcVJ.qkW8HBAwHoenJW",
		"of other parameters": newHasher(Passwords{MemoryKiB: 128, Iterations: 1, Parallelism: 1, Concurrency: 1}).make(password),
	} {
		h := light()
		if right, renewed, err := h.check(t.Context(), kept, "correct horse batterx"); right || renewed != "" || err != nil {
			t.Errorf("%s, wrong password: got %t, %q, %v", name, right, renewed, err)
		}
		right, renewed, err := h.check(t.Context(), kept, password)
		if !right || err != nil || !strings.HasPrefix(renewed, "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("%s: got %t, %q, %v, want right, and a hash like those made here", name, right, renewed, err)
			continue
		}
		if right, again, err := h.check(t.Context(), renewed, password); !right || again != "" || err != nil {
			t.Errorf("%s, renewed: got %t, %q, %v, want right and nothing to renew", name, right, again, err)
		}
	}
}

func TestHashesThatCostTooMuchOrAreNoneAreRefused(t *testing.T) {
	const salt, sum = "c29tZXNhbHRzb21lc2FsdA", "0dKWAp7cC5OTxmn1nt3cSgnaf8Aj91V/Mo4jORurKSU"
	for _, text := range []string{
		"", "secret", "$", "$argon2id$", "$md5$x$y$z",
		"$argon2id$v=19$m=1048576,t=1,p=1$" + salt + "$" + sum, // a gigabyte
		"$argon2id$v=19$m=131072,t=9,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + sum,
		"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + sum,
		"$argon2id$v=18$m=19456,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$c2hvcnQ",
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + sum,
		"$scrypt$ln=20,r=8,p=1$" + salt + "$" + sum,
		"$scrypt$ln=60,r=8,p=1$" + salt + "$" + sum,
		"$pbkdf2-sha256$i=10$" + salt + "$" + sum,
		"$pbkdf2-sha256$i=2000000000$" + salt + "$" + sum,
		"$2b$31$IxCiD5zoJ07ft2OVxNx96Oqo6pVnRixxYUzcVJ.qkW8HBAwHoenJW",
		"$2b$05$",
		"$pbkdf2-sha256$i=10000$" + strings.Repeat("A", mostHashText) + "$" + sum,
	} {
		if _, err := readHash(text); !errors.Is(err, ErrBadHash) {
			t.Errorf("%q: got %v, want ErrBadHash", text, err)
		}
	}
}

func TestOneLetterTypedAsTwoCodePointsIsTheSamePassword(t *testing.T) {
	h := light()
	if right, _, err := h.check(t.Context(), h.make("Bl\u00fcte im M\u00e4rz 7"), "Blu\u0308te im Ma\u0308rz 7"); !right || err != nil {
		t.Errorf("got %t, %v, want it right", right, err)
	}
	// Compatibility forms stay what they are (NFC, not NFKC): ² is not 2.
	if right, _, err := h.check(t.Context(), h.make("sixteen\u00b2 letters"), "sixteen2 letters"); right || err != nil {
		t.Errorf("a look-alike: got %t, %v, want it wrong", right, err)
	}
	if long := strings.Repeat("x", 80); h.make(long) == "" {
		t.Error("no hash")
	} else if right, _, _ := h.check(t.Context(), h.make(long), long+"y"); right {
		t.Error("a long password was cut off")
	}
}

func TestNobodyTakesTheHashOfEverybodyElse(t *testing.T) {
	h := light()
	for range 20 {
		if right, renewed, err := h.check(t.Context(), "", ""); right || renewed != "" || err != nil {
			t.Fatalf("got %t, %q, %v", right, renewed, err)
		}
	}
}

func TestWhoeverWaitsTooLongForTheirTurnIsToldToComeBack(t *testing.T) {
	h := newHasher(Passwords{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Concurrency: 1})
	h.wait = time.Millisecond
	done, err := h.turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("hash: got %v, want ErrBusy", err)
	}
	if _, _, err := h.check(t.Context(), "", "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("check: got %v, want ErrBusy", err)
	}
	done()
	if _, err := h.hash(t.Context(), "x"); err != nil {
		t.Errorf("afterwards: got %v", err)
	}
}
