package authn

import (
	"strconv"
	"strings"
	"testing"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func keyring(t *testing.T, active byte, numbers ...byte) *secret.Keys {
	t.Helper()
	masters := map[byte][secret.Size]byte{}
	for _, n := range numbers {
		masters[n] = [secret.Size]byte{n, 1, 2, 3}
	}
	keys, err := secret.NewKeys(active, masters)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestCodesAreSixDigitsAndNoneIsLikelier(t *testing.T) {
	e := &Engine{keys: keyring(t, 1, 1)}
	const draws = 20_000
	var tens [10]int
	leading := 0
	for range draws {
		o := storage.OTP{ID: storage.NewID(), FlowID: storage.NewID(), Address: "ann@example.com", Nonce: e.newNonce()}
		code := e.codeOf(o)
		if n, err := strconv.Atoi(code); len(code) != Digits || err != nil || n < 0 {
			t.Fatalf("got %q, want %d digits", code, Digits)
		}
		if again := e.codeOf(o); again != code {
			t.Fatalf("one row gave %s and %s", code, again)
		}
		tens[code[0]-'0']++
		if code[0] == '0' {
			leading++
		}
	}
	for digit, n := range tens { // six standard deviations
		if n < draws/10-260 || n > draws/10+260 {
			t.Errorf("the first digit was %d in %d of %d codes", digit, n, draws)
		}
	}
}

func TestCodeAndLinkBelongToOneRow(t *testing.T) {
	e := &Engine{keys: keyring(t, 1, 1)}
	o := storage.OTP{ID: storage.NewID(), FlowID: storage.NewID(), Address: "ann@example.com", Nonce: e.newNonce()}
	for name, change := range map[string]func(*storage.OTP){
		"id":      func(o *storage.OTP) { o.ID = storage.NewID() },
		"flow":    func(o *storage.OTP) { o.FlowID = storage.NewID() },
		"address": func(o *storage.OTP) { o.Address = "bob@example.com" },
		"nonce":   func(o *storage.OTP) { o.Nonce = e.newNonce() },
	} {
		other := o
		change(&other)
		if string(e.digest("otp-code", o)) == string(e.digest("otp-code", other)) || e.linkOf(o) == e.linkOf(other) {
			t.Errorf("another %s gives the same code or link", name)
		}
	}
	if id, ok := linkID(e.linkOf(o)); !ok || id != o.ID {
		t.Errorf("got %s, %t from the link, want %s", id, ok, o.ID)
	}
	if e.linkOf(o)[22:] == "" || string(e.digest("otp-code", o)) == string(e.digest("otp-link", o)) {
		t.Error("the code gives the link away")
	}
}

func TestCodeSurvivesTheChangeOfTheKey(t *testing.T) {
	before, after, without := &Engine{keys: keyring(t, 1, 1)}, &Engine{keys: keyring(t, 2, 1, 2)}, &Engine{keys: keyring(t, 2, 2)}
	o := storage.OTP{ID: storage.NewID(), FlowID: storage.NewID(), Address: "ann@example.com", Nonce: before.newNonce()}
	if before.codeOf(o) != after.codeOf(o) || before.linkOf(o) != after.linkOf(o) {
		t.Error("a new active key changed a code that was mailed")
	}
	if code, link := without.codeOf(o), without.linkOf(o); code != "" || link != "" {
		t.Errorf("without its key a row gave %q and %q", code, link)
	}
	if damaged := (storage.OTP{Nonce: []byte{1}}); after.codeOf(damaged) != "" {
		t.Error("a row without a nonce gave a code")
	}
}

func TestTypedCodesAreRead(t *testing.T) {
	for typed, want := range map[string]string{
		"482019": "482019", " 482 019 ": "482019", "482-019": "482019", "482\u00a0019": "482019", "٤٨٢٠١٩": "482019", "۴۸۲۰۱۹": "482019", "４８２０１９": "482019", "000000": "000000",
	} {
		if got, ok := readCode(typed); got != want || !ok {
			t.Errorf("%q: got %q, %t, want %q", typed, got, ok, want)
		}
	}
	for _, typed := range []string{"", "48201", "4820199", "48201a", "482019\x00", "482019\n", "1e5000", "+48201", "0x1234", "४८२०१", string(make([]byte, 100))} {
		if got, ok := readCode(typed); ok {
			t.Errorf("%q was read as %q", typed, got)
		}
	}
}

func TestDeviceNamesComeFromOurListsOnly(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox (Linux)",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge (Windows)",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari (iPhone)",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                   "Chrome (Android)",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "Safari (Mac)",
		"curl/8.5.0": "curl", "": "", "win a prize at evil.example": "", "Linux visit evil.example": "Linux",
	} {
		if got := Device(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

func TestBudgetsNameNobody(t *testing.T) {
	e := &Engine{keys: keyring(t, 1, 1)}
	b := DefaultBudgets()
	seen := map[string]bool{}
	for _, line := range []budget{b.guesses(), b.burst(), b.mails(), b.networkGuesses(), b.networkMails(), b.flows(), b.allMails()} {
		for _, whose := range []string{"ann@example.com", "bob@example.com", "192.0.2.1"} {
			name := e.name(line, whose)
			if strings.Contains(name, "ann") || strings.Contains(name, "example") || strings.Contains(name, "192.0") || seen[name] {
				t.Errorf("the budget of %s for %s is named %s", line.slows, whose, name)
			}
			seen[name] = true
		}
	}
}
