package e2e

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

var address = regexp.MustCompile(`http://localhost:\d+\S*`)

func TestDemoTellsItsStoryAndEndsAtControlC(t *testing.T) {
	node, chromium := node(t), chromium(t)
	install(t, node, "lib")
	demo := &server{t: t, Log: &record{}, args: []string{"demo"}, env: []string{"TMPDIR=" + t.TempDir()}}
	t.Cleanup(demo.finish)
	demo.launch()
	patience, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := demo.Log.find(patience, regexp.MustCompile(`Ctrl-C`)); err != nil {
		t.Fatal(err)
	}
	var inbox string
	var apps []string
	for _, found := range address.FindAllString(demo.Log.String(), -1) {
		if strings.HasSuffix(found, "/inbox") {
			inbox = found
		} else {
			apps = append(apps, found)
		}
	}
	if inbox == "" || len(apps) != 2 {
		t.Fatalf("demo prints the inbox %q and apps %q, want one and two:\n%s", inbox, apps, demo.Log)
	}

	run := exec.Command(node, "demo/journey.mjs")
	run.Env = append(os.Environ(), "CHROMIUM="+chromium, "FIRST="+apps[0], "SECOND="+apps[1], "INBOX="+inbox, "E2E_ARTEFACTS="+artefacts(t))
	report(t, run)

	demo.process.Process.Signal(os.Interrupt)
	if code := demo.exitCode(20 * time.Second); code != 0 {
		t.Errorf("demo ended with %d after Ctrl-C, want 0", code)
	}
	if left, err := os.ReadDir(strings.TrimPrefix(demo.env[0], "TMPDIR=")); err != nil || len(left) != 0 {
		t.Errorf("demo left %v, %v in the folder for temporary files", left, err)
	}
}
