package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// settings is a configuration file: JSON is YAML.
type settings map[string]any

// application is a client declared in the configuration.
type application map[string]any

// server is one gatelatch process at a time, with a data folder that outlives it.
type server struct {
	t      *testing.T
	URL    string
	Issuer string
	Data   string
	Port   int
	Log    *record // what all its processes wrote

	client  *http.Client // reaches the server, whose certificate may be a test's own
	config  string
	args    []string
	env     []string
	process *exec.Cmd
	ended   chan struct{}
	private []string // what must not stand in the log
}

// newServer prepares a server without starting it. More settings replace the ones here, top key by top key.
func newServer(t *testing.T, more settings) *server {
	t.Helper()
	sources()
	port := freePort(t)
	s := &server{
		t:      t,
		URL:    fmt.Sprintf("http://localhost:%d", port),
		Data:   filepath.Join(t.TempDir(), "data"),
		Port:   port,
		Log:    &record{},
		client: http.DefaultClient,
		config: filepath.Join(t.TempDir(), "gatelatch.yaml"),
	}
	all := settings{
		"public_url": s.URL,
		"listen":     fmt.Sprintf("localhost:%d", port),
		"sign_up":    "open",
		"budgets":    generous(),
	}
	maps.Copy(all, more)
	s.URL = all["public_url"].(string)
	s.Issuer = s.URL + "/oidc"
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"serve", "--data", s.Data, "--config", s.config}
	t.Cleanup(s.finish)
	return s
}

// serve starts a server and waits until it is ready.
func serve(t *testing.T, more settings) *server {
	t.Helper()
	s := newServer(t, more)
	s.start()
	return s
}

// generous are budgets that no journey meets by accident.
func generous() map[string]int {
	budgets := map[string]int{"guesses_per_code": 5}
	for _, name := range []string{
		"wrong_guesses_per_address_hour", "mails_per_address_burst", "mails_per_address_minute", "mails_per_address_hour",
		"network_mails_hour", "network_guesses_hour", "mails_hour", "flows_network_hour",
	} {
		budgets[name] = 100_000
	}
	return budgets
}

// start starts the process and waits for /readyz.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case <-s.ended:
			s.t.Fatalf("serve ended with %d:\n%s", s.process.ProcessState.ExitCode(), s.Log)
		case <-time.After(10 * time.Millisecond):
		}
		answer, err := s.client.Get(s.local("/readyz"))
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
	s.t.Fatalf("serve is not ready after 30 s:\n%s", s.Log)
}

// launch starts the process and waits for nothing.
func (s *server) launch() {
	s.t.Helper()
	s.process = command(s.args...)
	s.process.Env = append(s.process.Env, s.env...)
	s.process.Stdout, s.process.Stderr = s.Log, s.Log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() {
		process.Wait()
		close(ended)
	}()
}

// local is an address of the server by the port it listens on, whatever its public URL is.
func (s *server) local(path string) string {
	scheme := "http"
	if strings.HasPrefix(s.URL, "https:") {
		scheme = "https"
	}
	return fmt.Sprintf("%s://localhost:%d%s", scheme, s.Port, path)
}

// stop asks the process to end, as a service manager does, and demands that it ends well.
func (s *server) stop() {
	s.t.Helper()
	s.process.Process.Signal(syscall.SIGTERM)
	if code := s.exitCode(20 * time.Second); code != 0 {
		s.t.Errorf("serve ended with %d after SIGTERM, want 0:\n%s", code, s.Log)
	}
}

// kill ends the process the way a power cut does.
func (s *server) kill() {
	s.process.Process.Kill()
	<-s.ended
}

// exitCode waits for the end of the process.
func (s *server) exitCode(patience time.Duration) int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.process.ProcessState.ExitCode()
	case <-time.After(patience):
		s.process.Process.Kill()
		<-s.ended
		s.t.Errorf("the process did not end within %s:\n%s", patience, s.Log)
		return -1
	}
}

// finish stops what still runs when a test is over, and reads the log for what must not be there.
func (s *server) finish() {
	if s.ended != nil {
		select {
		case <-s.ended:
		default:
			s.stop()
		}
	}
	log := s.Log.String()
	for _, word := range s.private {
		if strings.Contains(log, word) {
			s.t.Errorf("the log at level info says %q, which is nobody else's business", word)
		}
	}
	if strings.Contains(log, "goroutine ") && strings.Contains(log, "panic") {
		s.t.Errorf("the log shows a panic:\n%s", log)
	}
	if s.t.Failed() {
		s.t.Logf("the server said:\n%s", log)
	}
}

// run runs another command of the program on the server's data folder and returns what it printed.
func (s *server) run(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := command(append(args, "--data", s.Data)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("gatelatch %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// code is the newest unspent code that was mailed to an address; it waits for it.
func (s *server) code(address string) string {
	s.t.Helper()
	code := strings.TrimSpace(s.run("inbox", "--code", address, "--wait", "20s"))
	if !codePattern.MatchString(code) {
		s.t.Fatalf("inbox --code %s printed %q, want six digits", address, code)
	}
	s.private = append(s.private, address)
	return code
}

// codeAfter is the newest code that was mailed to an address after this one.
func (s *server) codeAfter(address, before string) (code string) {
	s.t.Helper()
	wait(s.t, "another code for "+address, func() bool {
		code = s.code(address)
		return code != before
	})
	return code
}

var codePattern = regexp.MustCompile(`^\d{6}$`)

// command prepares the program with an environment that holds none of this machine's settings.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(gatelatch, args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "GATELATCH_") && !strings.HasPrefix(entry, "AWS_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	return cmd
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// record keeps what processes write.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// find waits until the text has what the pattern looks for, and returns its last group.
func (r *record) find(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	for {
		if found := pattern.FindStringSubmatch(r.String()); found != nil {
			return found[len(found)-1], nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("nothing like %s in:\n%s", pattern, r)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
