package safehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rig is a client whose names and whose Internet are ours: every public address leads to one TLS server.
type rig struct {
	*Client
	server *httptest.Server
	hits   atomic.Int64
	clock  time.Time

	mu      sync.Mutex
	names   map[string][][]string // what each lookup of a name answers, the last for ever
	lookups map[string]int
	dialed  []string
}

func newRig(t *testing.T, handler http.HandlerFunc, allowed ...string) *rig {
	t.Helper()
	r := &rig{clock: time.Unix(1_800_000_000, 0), names: map[string][][]string{"example.com": {{"93.184.215.14"}}}, lookups: map[string]int{}}
	r.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.hits.Add(1)
		handler(w, q)
	}))
	t.Cleanup(r.server.Close)
	r.Client = New(prefixes(allowed...), func() time.Time { return r.clock })
	roots := r.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	r.Client.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
	r.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		answers := r.names[host]
		if len(answers) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: host}
		}
		n := min(r.lookups[host], len(answers)-1)
		r.lookups[host]++
		var out []netip.Addr
		for _, a := range answers[n] {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
	r.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		r.mu.Lock()
		r.dialed = append(r.dialed, address)
		r.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, r.server.Listener.Addr().String())
	}
	return r
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

func TestADocumentOfAPublicHostIsFetched(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, q.Method, " ", q.Header.Get("Accept")) })
	a, err := r.Get(t.Context(), "https://example.com/keys", "application/json")
	if err != nil || string(a.Body) != "GET application/json" || a.Status != 200 {
		t.Fatalf("got %v %q", err, a.Body)
	}
	if want := []string{"93.184.215.14:443"}; len(r.dialed) != 1 || r.dialed[0] != want[0] {
		t.Fatalf("dialed %v, want %v", r.dialed, want)
	}
}

func TestAFormIsDeliveredAndItsAnswerReturnedWhateverTheStatus(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(400)
		fmt.Fprint(w, q.PostFormValue("logout_token"))
	})
	a, err := r.PostForm(t.Context(), "https://example.com/logout", url.Values{"logout_token": {"x y"}})
	if err != nil || a.Status != 400 || string(a.Body) != "x y" {
		t.Fatalf("got %v %d %q", err, a.Status, a.Body)
	}
}

func TestAddressesThatOnlyWeCouldReachAreNeverDialed(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3",
		"192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
		"fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::1", "3fff::1",
	} {
		r := newRig(t, hello)
		r.names["evil.example"] = [][]string{{address}}
		literal := address
		if strings.Contains(address, ":") {
			literal = "[" + address + "]"
		}
		for _, host := range []string{"evil.example", literal} {
			if _, err := r.Get(t.Context(), "https://"+host+"/", "*/*"); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s (%s): got %v, want ErrForbidden", host, address, err)
			}
			if _, err := r.PostForm(t.Context(), "https://"+host+":8443/", nil); !errors.Is(err, ErrForbidden) {
				t.Errorf("post to %s (%s): got %v, want ErrForbidden", host, address, err)
			}
		}
		if len(r.dialed) > 0 || r.hits.Load() > 0 {
			t.Errorf("%s: dialed %v", address, r.dialed)
		}
	}
}

// Other spellings of 127.0.0.1 are no IP addresses to us: they go to the resolver like any name, and what it says is judged.
func TestOddSpellingsOfLoopbackAreJudgedByWhatTheyStandFor(t *testing.T) {
	for _, host := range []string{"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "localhost.", "[::ffff:7f00:1]"} {
		r := newRig(t, hello)
		r.names[strings.Trim(host, "[]")] = [][]string{{"127.0.0.1"}}
		if _, err := r.Get(t.Context(), "https://"+host+"/", "*/*"); !errors.Is(err, ErrForbidden) || len(r.dialed) > 0 {
			t.Errorf("%s: got %v, dialed %v", host, err, r.dialed)
		}
	}
}

func TestOneForbiddenAddressAmongPublicOnesForbidsTheName(t *testing.T) {
	r := newRig(t, hello)
	r.names["mixed.example"] = [][]string{{"93.184.215.14", "10.0.0.1"}}
	if _, err := r.Get(t.Context(), "https://mixed.example/", "*/*"); !errors.Is(err, ErrForbidden) || len(r.dialed) > 0 {
		t.Fatalf("got %v, dialed %v", err, r.dialed)
	}
}

// DNS rebinding: the first answer is harmless, the next one points inside.
func TestTheAddressThatWasJudgedIsTheOneThatIsDialed(t *testing.T) {
	r := newRig(t, hello)
	r.names["example.com"] = [][]string{{"93.184.215.14"}, {"127.0.0.1"}}
	if _, err := r.Get(t.Context(), "https://example.com/a", "*/*"); err != nil {
		t.Fatal(err)
	}
	if r.lookups["example.com"] != 1 || r.dialed[0] != "93.184.215.14:443" {
		t.Fatalf("looked up %d times, dialed %v", r.lookups["example.com"], r.dialed)
	}
	if _, err := r.Get(t.Context(), "https://example.com/b", "*/*"); !errors.Is(err, ErrForbidden) || len(r.dialed) != 1 {
		t.Fatalf("the next call: got %v, dialed %v", err, r.dialed)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/inside" {
				t.Errorf("%d was followed", status)
			}
			http.Redirect(w, q, "/inside", status)
		})
		if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); !errors.Is(err, ErrRedirect) {
			t.Errorf("%d: got %v", status, err)
		}
		if _, err := r.PostForm(t.Context(), "https://example.com/", nil); !errors.Is(err, ErrRedirect) {
			t.Errorf("POST %d: got %v", status, err)
		}
	}
}

func TestAnAnswerOfMoreThan64KiBIsRefused(t *testing.T) {
	size := maxBody
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", size)) })
	if a, err := r.Get(t.Context(), "https://example.com/fits", "*/*"); err != nil || len(a.Body) != maxBody {
		t.Fatalf("64 KiB: got %v", err)
	}
	size++
	if _, err := r.Get(t.Context(), "https://example.com/large", "*/*"); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("one byte more: got %v", err)
	}
}

func TestCompressionIsNeitherAskedForNorUndone(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "raw", q.Header.Get("Accept-Encoding"))
	})
	if a, err := r.Get(t.Context(), "https://example.com/", "*/*"); err != nil || string(a.Body) != "raw" {
		t.Fatalf("got %v %q", err, a.Body)
	}
}

func TestHeadersWithoutEndAreRefused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 4*maxHeader)) })
	if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); err == nil {
		t.Fatal("accepted")
	}
}

func TestASlowAnswerIsGivenUp(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"no answer at all": func(http.ResponseWriter) {},
		"a body without end": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				begin(w)
				<-over
			})
			defer close(over)
			r.Client.http.Timeout = 50 * time.Millisecond
			var late net.Error
			if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); !errors.As(err, &late) || !late.Timeout() {
				t.Fatalf("got %v, want a timeout", err)
			}
		})
	}
}

func TestAddressesThatAreNoneAreRefused(t *testing.T) {
	r := newRig(t, hello)
	for _, address := range []string{"", "example.com/keys", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "https://", "https:///x", "https:example.com",
		"https://user@example.com/", "https://user:pw@example.com/", "https://example.com/#f", "https://example.com/#", "https://exam ple.com/", "https://example.com\\@10.0.0.1/",
		"//example.com/", "https://example.com/" + strings.Repeat("x", 2048), "https://example.com:x/"} {
		if _, err := r.Get(t.Context(), address, "*/*"); !errors.Is(err, ErrURL) {
			t.Errorf("%.60q: got %v", address, err)
		}
		if CheckURL(address) == nil {
			t.Errorf("CheckURL accepts %.60q", address)
		}
	}
	if _, err := r.Get(t.Context(), "http://example.com/", "*/*"); !errors.Is(err, ErrURL) || len(r.dialed) > 0 {
		t.Errorf("plain http to a public host: got %v", err)
	}
}

func TestANamedNetworkMayBeCalledAlsoByPlainHTTPAndItsNeighboursNot(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(hello))
	defer plain.Close()
	c := New(prefixes("127.0.0.1/32"), time.Now) // with the real dialer
	if a, err := c.Get(t.Context(), plain.URL, "*/*"); err != nil || string(a.Body) != "hello" {
		t.Fatalf("got %v", err)
	}
	mapped := strings.Replace(plain.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)
	if a, err := c.Get(t.Context(), mapped, "*/*"); err != nil || string(a.Body) != "hello" {
		t.Fatalf("IPv4-mapped: got %v", err)
	}
	for _, address := range []string{"https://127.0.0.2/", "https://10.0.0.1/", "https://[::1]/"} {
		if _, err := c.Get(t.Context(), address, "*/*"); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if _, err := New(nil, time.Now).Get(t.Context(), plain.URL, "*/*"); !errors.Is(err, ErrURL) {
		t.Errorf("not named: got %v", err)
	}
}

func TestAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	r := newRig(t, hello)
	if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); err != nil {
		t.Fatal(err)
	}
}

func TestAFailureIsRememberedForAMinute(t *testing.T) {
	status := 500
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	for range 3 {
		if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); !errors.Is(err, ErrStatus) {
			t.Fatalf("got %v", err)
		}
	}
	if r.hits.Load() != 1 {
		t.Fatalf("called %d times, want 1", r.hits.Load())
	}
	status = 200
	r.clock = r.clock.Add(failureLife)
	if _, err := r.Get(t.Context(), "https://example.com/", "*/*"); err != nil || r.hits.Load() != 2 {
		t.Fatalf("a minute later: got %v after %d calls", err, r.hits.Load())
	}
}

func TestFailuresDoNotFillTheMemory(t *testing.T) {
	f := failures{now: time.Now}
	for i := range 3 * maxFailures {
		f.note(fmt.Sprint(i), io.EOF)
	}
	if len(f.all) > maxFailures || f.recent(fmt.Sprint(3*maxFailures-1)) != io.EOF {
		t.Fatalf("%d are kept", len(f.all))
	}
}

func TestACallerWhoLeavesEndsNothingForTheOthers(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		begin()
		<-goOn
		fmt.Fprint(w, "hello")
	})
	ctx, leave := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := r.Get(ctx, "https://example.com/", "*/*"); first <- err }()
	<-begun
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatalf("who left: got %v", err)
	}
	go func() { _, err := r.Get(t.Context(), "https://example.com/", "*/*"); second <- err }()
	close(goOn)
	if err := <-second; err != nil {
		t.Fatalf("who came later: got %v", err)
	}
}
