package secret

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func ring(t *testing.T, active byte, numbers ...byte) *Keys {
	t.Helper()
	masters := map[byte][Size]byte{}
	for _, n := range numbers {
		masters[n] = [Size]byte(bytes.Repeat([]byte{n}, Size))
	}
	k, err := NewKeys(active, masters)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedOpensOnlyWhereItLiesAndUnaltered(t *testing.T) {
	k := ring(t, 1, 1)
	sealed := k.Seal([]byte("plain"), "keys", "a", "sealed")
	if plain, err := k.Open(sealed, "keys", "a", "sealed"); err != nil || string(plain) != "plain" {
		t.Fatalf("got %q, %v", plain, err)
	}
	if bytes.Equal(sealed, k.Seal([]byte("plain"), "keys", "a", "sealed")) {
		t.Error("sealing the same twice gives the same: a nonce was used again")
	}
	if _, err := k.Open(sealed, "keys", "b", "sealed"); !errors.Is(err, ErrWrongKey) {
		t.Errorf("moved to another row: got %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := k.Open(altered, "keys", "a", "sealed"); !errors.Is(err, ErrWrongKey) {
			t.Fatalf("byte %d altered: got %v", i, err)
		}
	}
	for n := range len(sealed) {
		if _, err := k.Open(sealed[:n], "keys", "a", "sealed"); !errors.Is(err, ErrWrongKey) {
			t.Fatalf("cut to %d bytes: got %v", n, err)
		}
	}
}

func TestReplacedKeyStillOpensAndDroppedOneDoesNot(t *testing.T) {
	sealed := ring(t, 1, 1).Seal([]byte("x"), "p")
	if _, err := ring(t, 2, 1, 2).Open(sealed, "p"); err != nil {
		t.Errorf("under the old key of a ring: %v", err)
	}
	if _, err := ring(t, 2, 2).Open(sealed, "p"); !errors.Is(err, ErrWrongKey) {
		t.Errorf("under a dropped key: got %v", err)
	}
	if ring(t, 2, 1, 2).Seal(nil, "p")[0] != 2 {
		t.Error("new things are not sealed with the active key")
	}
}

func TestDigestTellsItsPartsAndPurposesApart(t *testing.T) {
	k := ring(t, 1, 1)
	same := k.Digest("a", []byte("ab"), []byte("c"))
	for name, other := range map[string][]byte{
		"the border between parts": k.Digest("a", []byte("a"), []byte("bc")),
		"one part instead of two":  k.Digest("a", []byte("abc")),
		"the purpose":              k.Digest("b", []byte("ab"), []byte("c")),
		"the key":                  ring(t, 2, 1, 2).Digest("a", []byte("ab"), []byte("c")),
	} {
		if Equal(same, other) {
			t.Errorf("%s makes no difference", name)
		}
	}
	if !Equal(same, ring(t, 2, 1, 2).DigestUnder(1, "a", []byte("ab"), []byte("c"))) {
		t.Error("the same under the same key differs")
	}
	if ring(t, 1, 1).DigestUnder(9, "a") != nil {
		t.Error("a key that is not there gave a digest")
	}
}

// Of fosite's secret only the first 32 bytes count, and a different rest validates the same tokens.
func TestEveryBitOfTheKeyCounts(t *testing.T) {
	master := [Size]byte(Random(Size))
	with := func(master [Size]byte) *Keys {
		k, err := NewKeys(1, map[byte][Size]byte{1: master})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	digest, sealed := with(master).Digest("a", []byte("x")), with(master).Seal([]byte("x"), "p")
	for bit := range Size * 8 {
		other := master
		other[bit/8] ^= 1 << (bit % 8)
		if Equal(with(other).Digest("a", []byte("x")), digest) {
			t.Fatalf("bit %d makes no difference to a digest", bit)
		}
		if _, err := with(other).Open(sealed, "p"); err == nil {
			t.Fatalf("bit %d makes no difference to what is sealed", bit)
		}
	}
}

func TestKeyFileIsMadeOnceForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	made, err := LoadOrCreate(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if _, err := CreateFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing key file was made again: %v", err)
	}
	loaded, err := LoadOrCreate(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := loaded.Open(made.Seal([]byte("x"), "p"), "p"); err != nil || string(plain) != "x" {
		t.Errorf("the loaded key is another one: %v", err)
	}
	if _, err := LoadOrCreate(filepath.Join(t.TempDir(), "k"), false); err == nil {
		t.Error("a key file was made beside a database that was sealed with another")
	}
}

func TestKeyFileThatIsWrongIsRefusedWithTheReason(t *testing.T) {
	key := strings.Repeat("A", 43)
	for name, test := range map[string]struct {
		text, want string
		mode       fs.FileMode
	}{
		"open to others":    {"1 " + key, "chmod 600", 0o644},
		"empty":             {"\n", "empty", 0o600},
		"short":             {"1 AAAA", "line 1", 0o600},
		"no number":         {key, "line 1", 0o600},
		"number zero":       {"0 " + key, "line 1", 0o600},
		"number too large":  {"256 " + key, "line 1", 0o600},
		"a number twice":    {"1 " + key + "\n1 " + key, "line 2", 0o600},
		"padding":           {"1 " + key + "=", "line 1", 0o600},
		"something else in": {"1 " + key + "\nhello", "line 2", 0o600},
	} {
		if runtime.GOOS == "windows" && test.mode != 0o600 {
			continue
		}
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadFile(path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want something with %q", name, err, test.want)
		}
	}
	path := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(path, []byte("# two keys\n1 "+key+"\n\n7 "+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if k, err := LoadFile(path); err != nil || k.Active() != 7 || !bytes.Equal(k.Numbers(), []byte{1, 7}) {
		t.Errorf("two keys: got %v, %v; the last line is the active one", k, err)
	}
}
