package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatelatch/e2e/loud"

	"golang.org/x/sync/errgroup"
)

// refuses starts a server that must not come up, and demands that it says why.
func (s *server) refuses(words ...string) {
	s.t.Helper()
	before := len(s.Log.String())
	s.launch()
	if code := s.exitCode(30 * time.Second); code == 0 {
		s.t.Error("serve ended with 0, want another exit code")
	}
	said := s.Log.String()[before:]
	for _, word := range words {
		if !strings.Contains(strings.ToLower(said), strings.ToLower(word)) {
			s.t.Errorf("serve says %q, want something about %q", said, word)
		}
	}
	if lines := strings.Count(strings.TrimSpace(said), "\n"); lines > 8 {
		s.t.Errorf("serve says one thing in %d lines:\n%s", lines, said)
	}
}

func TestAPortInUseStopsTheStartWithOneMessage(t *testing.T) {
	s := newServer(t, nil)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s.refuses(fmt.Sprint(s.Port), "taken", "--listen")
}

func TestAWrongKeyFileStopsTheStartAndTheRightOneStartsAgain(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")
	s.stop()

	stranger := serve(t, nil)
	stranger.stop()
	path := filepath.Join(s.Data, "gatelatch.key")
	right := read(t, path)
	wrong := read(t, filepath.Join(stranger.Data, "gatelatch.key"))
	if bytes.Equal(right, wrong) {
		t.Fatal("two servers made the same key")
	}
	write(t, path, wrong)
	s.refuses("key")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.refuses("key")
	if _, err := os.Stat(path); err == nil {
		t.Error("the start made a new key file beside data that was sealed with another")
	}
	write(t, path, right)
	s.start()
	if _, err := notes.refresh(notes.of(p).Token.RefreshToken); err != nil {
		t.Errorf("with the right key the refresh token is refused: %v", err)
	}
}

func TestASecondServerLeavesTheDataOfTheFirstAlone(t *testing.T) {
	notes := newParty(t, "notes")
	first := serveParties(t, nil, notes)
	second := newServer(t, nil)
	second.args[2] = first.Data
	second.refuses(first.Data)
	p := first.person("ann@example.com")
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello") {
		t.Errorf("the first server now shows %s %q", shown.URL, shown.text())
	}
}

// disk is a small file system that can be filled up.
type disk struct {
	t    *testing.T
	path string
}

func newDisk(t *testing.T, options string) *disk {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		loud.Say(t, "Linux and root, for a small disk of its own")
		t.SkipNow()
	}
	d := &disk{t: t, path: t.TempDir()}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", d.path).CombinedOutput(); err != nil {
		loud.Say(t, fmt.Sprintf("the right to mount a small disk: %v %s", err, out))
		t.SkipNow()
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.path).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return d
}

// fill leaves no byte.
func (d *disk) fill() {
	d.t.Helper()
	file, err := os.Create(filepath.Join(d.path, "ballast"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	for size := 1 << 16; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// empty takes the ballast away.
func (d *disk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.path, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

func TestAFullDiskIsUnavailableAndNeverAnAnswerAboutTokens(t *testing.T) {
	small := newDisk(t, "size=24m")
	notes := newParty(t, "notes")
	s := newServer(t, settings{"clients": []application{notes.application()}})
	s.Data = filepath.Join(small.path, "data")
	s.args[2] = s.Data
	t.Cleanup(func() { s.finish(); s.ended = nil }) // before the disk goes
	s.start()
	notes.connect(s.Issuer, s.client)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")
	token := notes.of(p).Token
	late := s.person("ben@example.com")
	late.open(notes.URL + "/sign-in")
	late.submit("email", late.address)
	code := late.code(late.address)

	small.fill()
	// The first writes may still fit into pages the database has already: go on until one does not.
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}}
	stranger := s.person("dan@example.com")
	wait(t, "a write that does not fit", func() bool { return stranger.open(notes.URL+"/sign-in").Status != http.StatusOK })
	if shown := stranger.page; shown.Status != http.StatusServiceUnavailable || shown.Header.Get("Retry-After") == "" {
		t.Errorf("with a full disk the sign-in page says %d (Retry-After %q), want 503 and a time", shown.Status, shown.Header.Get("Retry-After"))
	}
	if answer := s.token(notes, refresh); answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("with a full disk the token endpoint says %d (Retry-After %q) %s, want 503 and a time", answer.Status, answer.Header.Get("Retry-After"), answer.Body)
	}
	if shown := late.submit("code", code); shown.Status != http.StatusServiceUnavailable || shown.Header.Get("Retry-After") == "" {
		t.Errorf("with a full disk the code page says %d (Retry-After %q), want 503 and a time", shown.Status, shown.Header.Get("Retry-After"))
	}
	if answer, err := s.client.Get(s.local("/oidc/.well-known/openid-configuration")); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("with a full disk discovery says %v, %v; want 200", answer, err)
	}

	small.empty()
	wait(t, "the server to recover by itself", func() bool {
		answer := s.token(notes, refresh)
		if answer.Status != http.StatusOK && answer.Status != http.StatusServiceUnavailable {
			t.Fatalf("after the full disk the token endpoint says %d %s", answer.Status, answer.Body)
		}
		return answer.Status == http.StatusOK
	})
	again := s.person("cleo@example.com")
	if shown := again.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello cleo@example.com") {
		t.Errorf("after the full disk sign-in ends at %s %q", shown.URL, shown.text())
	}
}

func TestAReadOnlyDataFolderStopsTheStartWithOneMessage(t *testing.T) {
	frozen := newDisk(t, "size=8m")
	s := newServer(t, nil)
	s.Data = filepath.Join(frozen.path, "data")
	s.args[2] = s.Data
	s.start()
	s.stop()
	if out, err := exec.Command("mount", "-o", "remount,ro", frozen.path).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v %s", err, out)
	}
	s.refuses(s.Data)
	if out, err := exec.Command("mount", "-o", "remount,rw", frozen.path).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v %s", err, out)
	}
	s.start()
	s.stop()
}

func TestAMegabyteOfAnythingIsRefused(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	huge := strings.Repeat("a", 1<<20)
	form := func(path string, values url.Values) *http.Request {
		request, err := http.NewRequest(http.MethodPost, s.local(path), strings.NewReader(values.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", s.URL)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		return request
	}
	get := func(path string) *http.Request {
		request, err := http.NewRequest(http.MethodGet, s.local(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		return request
	}
	header, cookie := get("/sign-in"), get("/sign-in")
	header.Header.Set("X-Anything", huge)
	cookie.Header.Set("Cookie", "a="+huge)
	for name, request := range map[string]*http.Request{
		"header":         header,
		"cookie":         cookie,
		"query":          get("/oidc/authorize?state=" + huge),
		"address":        form("/sign-in/email", url.Values{"flow": {"x"}, "email": {huge}}),
		"code":           form("/sign-in/code", url.Values{"flow": {"x"}, "code": {huge}}),
		"authorize":      form("/oidc/authorize", url.Values{"state": {huge}}),
		"token":          form("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {huge}}),
		"revocation":     form("/oidc/revoke", url.Values{"token": {huge}}),
		"end of session": form("/oidc/logout", url.Values{"id_token_hint": {huge}}),
	} {
		t.Run(name, func(t *testing.T) {
			request.Close = true
			answer, err := s.client.Do(request)
			if err != nil {
				// A server may close the door on a sender who goes on; it must be there for the next.
				if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
					t.Fatal(err)
				}
				return
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode < 400 || answer.StatusCode >= 500 {
				t.Errorf("status %d, want 4xx", answer.StatusCode)
			}
			if len(body) > 1<<16 {
				t.Errorf("the answer has %d bytes of what was sent", len(body))
			}
		})
	}
	p := s.person("ann@example.com")
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello") {
		t.Errorf("after that sign-in ends at %s %q", shown.URL, shown.text())
	}
}

// Each answer is a promise: the server is killed right after it, and must keep it when it is back.
func TestAKillAfterEachAnswerLosesNothing(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	again := func() {
		s.kill()
		s.start()
	}
	p := s.person("ann@example.com")
	p.open(notes.URL + "/sign-in")
	again()
	if shown := p.submit("email", p.address); !shown.has("code") {
		t.Fatalf("the flow of before leads to %s %q", shown.URL, shown.text())
	}
	again()
	if shown := p.submit("code", p.code(p.address)); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("the code of before leads to %s %q", shown.URL, shown.text())
	}
	again()
	if shown := p.open(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("the session of before leads to %s %q", shown.URL, shown.text())
	}
	again()
	token := notes.of(p).Token
	if _, err := notes.userinfo(token); err != nil {
		t.Errorf("the access token of before: %v", err)
	}
	for range 3 {
		next, err := notes.refresh(token.RefreshToken)
		if err != nil {
			t.Fatalf("the refresh token of before: %v", err)
		}
		if next.RefreshToken == token.RefreshToken {
			t.Fatal("a refresh did not rotate")
		}
		token = next
		again()
	}
	p.open(notes.URL + "/sign-out")
	again()
	if shown := p.open(notes.URL + "/sign-in"); !shown.has("identifier") {
		t.Errorf("the sign-out of before is forgotten: %s %q", shown.URL, shown.text())
	}
}

func TestARestartKeepsSessionsAndTokens(t *testing.T) {
	notes, files := newParty(t, "notes"), newParty(t, "files")
	s := serveParties(t, nil, notes, files)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")
	token := notes.of(p).Token
	s.stop()
	s.start()
	if _, err := notes.userinfo(token); err != nil {
		t.Errorf("the access token of before: %v", err)
	}
	if _, err := notes.refresh(token.RefreshToken); err != nil {
		t.Errorf("the refresh token of before: %v", err)
	}
	if shown := p.open(files.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("the session of before leads to %s %q, want single sign-on", shown.URL, shown.text())
	}
}

// Whoever opens connections and then says nothing keeps nobody else waiting, and is put out.
func TestEightySlowClientsKeepNobodyWaiting(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	var slow []net.Conn
	for i := range 80 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		half := "POST /oidc/token HTTP/1.1\r\nHost: localhost\r\nX-Slow:"
		if i%2 == 0 {
			half = "POST /oidc/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_type="
		}
		fmt.Fprint(c, half)
		slow = append(slow, c)
	}
	p := s.person("ann@example.com")
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("beside 80 slow clients sign-in ends at %s %q", shown.URL, shown.text())
	}
	for i, c := range slow {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("slow client %d is still connected after a minute", i)
		}
	}
}

func TestSIGTERMLetsARunningRequestFinish(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")

	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	body := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {notes.of(p).Token.RefreshToken}}.Encode()
	request, err := http.NewRequest(http.MethodPost, s.local("/oidc/token"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(notes.id, secret(notes.id))
	fmt.Fprintf(connection, "POST /oidc/token HTTP/1.1\r\nHost: localhost:%d\r\nAuthorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		s.Port, request.Header.Get("Authorization"), len(body))
	answers := bufio.NewReader(connection)
	// The server says "go on" when somebody reads the body: from then on the request runs.
	if line, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("the server says %q, %v; want 100 Continue", line, err)
	}
	answers.ReadString('\n')

	s.process.Process.Signal(syscall.SIGTERM)
	wait(t, "the server to take no more connections", func() bool {
		probe, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
		if err == nil {
			probe.Close()
		}
		return err != nil
	})
	io.WriteString(connection, body)
	answer, err := http.ReadResponse(answers, request)
	if err != nil {
		t.Fatalf("the request that ran at SIGTERM got no answer: %v", err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "refresh_token") {
		t.Errorf("the request that ran at SIGTERM got %d %s, %v; want new tokens", answer.StatusCode, text, err)
	}
	if code := s.exitCode(30 * time.Second); code != 0 {
		t.Errorf("serve ended with %d, want 0", code)
	}
}

func TestTenThousandWrongCodesNeitherGetInNorLockTheOwnerOut(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, settings{
		"trusted_proxies": []string{"127.0.0.0/8", "::1"},
		// The budgets of guesses are those that everybody has. Mail is plenty, so that every network gets codes to guess at.
		"budgets": map[string]int{
			"mails_per_address_burst": 100_000, "mails_per_address_minute": 100_000, "mails_per_address_hour": 100_000, "mails_hour": 100_000,
		},
	}, notes)
	owner := s.person("ann@example.com")
	owner.network = "203.0.113.7"
	owner.open(notes.URL + "/sign-in")
	owner.submit("email", owner.address)
	link := s.link(owner.address)

	const networks, guesses = 100, 100
	robbers := make([]*person, networks)
	for i := range robbers {
		robbers[i] = s.person(owner.address)
		robbers[i].network = fmt.Sprintf("198.18.%d.1", i)
		robbers[i].open(notes.URL + "/sign-in")
		robbers[i].submit("email", owner.address)
	}
	// Every guess is wrong.
	sent := s.code(owner.address)
	var all errgroup.Group
	all.SetLimit(8)
	var answered sync.Map // status → *atomic.Int64
	for i, robber := range robbers {
		flow := robber.page.URL.Query().Get("flow")
		all.Go(func() error {
			for n := range guesses {
				code := fmt.Sprintf("%06d", (i*guesses+n)%1_000_000)
				if code == sent {
					code = "999999"
				}
				shown, err := robber.guess(s, flow, code)
				if err != nil {
					return err
				}
				if strings.HasPrefix(shown.URL.String(), notes.URL) {
					return fmt.Errorf("a wrong code got in, from network %s: %s", robber.network, shown.URL)
				}
				count, _ := answered.LoadOrStore(shown.Status, new(atomic.Int64))
				count.(*atomic.Int64).Add(1)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	answered.Range(func(status, count any) bool {
		t.Logf("status %d: %d times", status, count.(*atomic.Int64).Load())
		if status.(int) >= 500 || status.(int) < 400 {
			t.Errorf("%d wrong codes are answered with %d, want 4xx", count.(*atomic.Int64).Load(), status)
		}
		return true
	})
	// One more network, which has guessed nothing yet, is sent a code and gives the right one.
	newest := s.code(owner.address)
	last := s.person(owner.address)
	last.network = "192.0.2.1"
	last.open(notes.URL + "/sign-in")
	last.submit("email", owner.address)
	if !last.page.has("code") {
		t.Fatalf("a network that has guessed nothing is shown %d %s, want the code page", last.page.Status, last.page.URL)
	}
	shown, err := last.guess(s, last.page.URL.Query().Get("flow"), s.codeAfter(owner.address, newest))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(shown.URL.String(), notes.URL) || shown.Status < 400 {
		t.Errorf("after ten thousand wrong codes a right one leads to %d %s", shown.Status, shown.URL)
	}

	owner.open(link)
	if shown := owner.submit("t", tokenOf(t, link)); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("the owner's link leads to %s %q, want the app", shown.URL, shown.text())
	}
}

// guess sends a code for a flow, whatever the page now shows.
func (p *person) guess(s *server, flow, code string) (page, error) {
	values := url.Values{"flow": {flow}, "code": {code}}
	request, err := http.NewRequest(http.MethodPost, s.URL+"/sign-in/code", strings.NewReader(values.Encode()))
	if err != nil {
		return page{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", s.URL)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.try(request)
}

// link is the one in the newest mail to an address.
func (s *server) link(address string) (found string) {
	s.t.Helper()
	s.code(address) // by now the mail is there
	mails := strings.NewReplacer(`\u0026`, "&", "&amp;", "&").Replace(s.run("inbox", "--json"))
	for _, candidate := range signInLink.FindAllString(mails, -1) {
		found = candidate
	}
	if found == "" {
		s.t.Fatalf("no mail in %s has a link", mails)
	}
	return found
}

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Query().Get("t")
}

// tokenAnswer is what the token endpoint said, whatever it was.
type tokenAnswer struct {
	Status int
	Header http.Header
	Body   string
}

// token asks the token endpoint as this app.
func (s *server) token(r *party, values url.Values) tokenAnswer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.local("/oidc/token"), strings.NewReader(values.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(r.id, secret(r.id))
	answer, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return tokenAnswer{answer.StatusCode, answer.Header, string(body)}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

var signInLink = regexp.MustCompile(`https?://[^\s"'<>\\]+/sign-in/link\?[^\s"'<>\\)\]]+`)
