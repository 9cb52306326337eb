package email

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/e2e/loud"
)

// skipped says what could not be run here, and why.
var skipped []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, line := range skipped {
		announce(line)
	}
	os.Exit(code)
}

// announce tells a person what was left out. go test drops what a passing package prints, so the line goes to where the go
// command itself writes its errors as well.
func announce(line string) {
	fmt.Fprintln(os.Stderr, line)
	name := fmt.Sprintf("/proc/%d/fd/2", os.Getppid())
	if about, err := os.Stat(name); err != nil || about.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0 {
		return
	}
	if out, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
		fmt.Fprintln(out, line)
		out.Close()
	}
}

// emulator is a running aws-ses-v2-local.
type emulator struct{ url string }

// stored is a mail as the emulator keeps it.
type stored struct {
	From        string `json:"from"`
	Destination struct {
		To, Cc, Bcc []string
	} `json:"destination"`
	Subject string `json:"subject"`
	Body    struct {
		HTML string `json:"html"`
		Text string `json:"text"`
	} `json:"body"`
	Headers []struct{ Name, Value string } `json:"headers"`
}

// startEmulator runs the emulator on a free port of loopback until the test ends.
func startEmulator(t *testing.T) emulator {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		loud.Skip(t, "Node (for the SES emulator)")
	}
	script := filepath.Join("..", "e2e", "ses", "node_modules", "aws-ses-v2-local", "dist", "cli.js")
	fetchEmulator(t, script)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()

	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, node, script, "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	// Nothing of the environment of the person who runs the test; the account is one in the sandbox.
	command.Env = []string{"PATH=" + os.Getenv("PATH"), `AWS_SES_ACCOUNT={"DedicatedIpAutoWarmupEnabled":false,"Details":{
		"AdditionalContactEmailAddresses":[],"ContactLanguage":"EN","MailType":"TRANSACTIONAL","ReviewDetails":{"CaseId":"1","Status":"PENDING"},
		"UseCaseDescription":"codes","WebsiteURL":"https://bookstore.example"},"EnforcementStatus":"HEALTHY","ProductionAccessEnabled":false,
		"SendingEnabled":true,"SendQuota":{"Max24HourSend":200,"MaxSendRate":1,"SentLast24Hours":12},"SuppressionAttributes":{"SuppressedReasons":[]}}`}
	said, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var trouble bytes.Buffer
	command.Stderr = &trouble
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	var readers sync.WaitGroup
	readers.Go(func() {
		var all strings.Builder
		piece := make([]byte, 512)
		for {
			n, err := said.Read(piece)
			all.Write(piece[:n])
			if strings.Contains(all.String(), "server running") {
				select {
				case ready <- true:
				default:
				}
			}
			if err != nil {
				close(ready)
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		readers.Wait()
		command.Wait()
	})
	select {
	case up := <-ready:
		if !up {
			command.Wait()
			t.Fatalf("the SES emulator did not start: %s", trouble.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("the SES emulator said nothing for a minute")
	}
	return emulator{url: fmt.Sprintf("http://127.0.0.1:%d", port)}
}

// fetchEmulator installs the packages of the lock file once.
func fetchEmulator(t *testing.T, script string) {
	t.Helper()
	if _, err := os.Stat(script); err == nil {
		return
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		loud.Skip(t, "npm (for the SES emulator)")
	}
	fetch := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	fetch.Dir = filepath.Join("..", "e2e", "ses")
	if out, err := fetch.CombinedOutput(); err != nil {
		loud.Skip(t, fmt.Sprintf("the packages of e2e/ses, which npm could not fetch: %v\n%s", err, out))
	}
}

// mails returns what the emulator has received.
func (e emulator) mails(t *testing.T) []stored {
	t.Helper()
	answer, err := http.Get(e.url + "/store")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var store struct{ Emails []stored }
	if err := json.Unmarshal(raw, &store); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return store.Emails
}
