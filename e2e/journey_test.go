package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatelatch/e2e/loud"
)

// app is what a Node journey knows of an app of its own: where it lives and its registration.
type app struct {
	URL          string `json:"url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
}

// journey runs e2e/<script> in Node and Chromium against the server. Every sentence it checks becomes a subtest.
func (s *server) journey(script string, environment map[string]any) {
	s.t.Helper()
	node, chromium := node(s.t), chromium(s.t)
	install(s.t, node, "lib")
	install(s.t, node, filepath.Dir(script))

	run := exec.Command(node, script)
	run.Env = append(os.Environ(),
		"CHROMIUM="+chromium,
		"ISSUER="+s.Issuer,
		fmt.Sprintf("CODE_COMMAND=%q inbox --data %q --code \"$EMAIL\" --wait 20s", gatelatch, s.Data),
	)
	for name, value := range environment {
		text, plain := value.(string)
		if !plain {
			encoded, err := json.Marshal(value)
			if err != nil {
				s.t.Fatal(err)
			}
			text = string(encoded)
		}
		run.Env = append(run.Env, name+"="+text)
		if name == "ADDRESS" {
			s.private = append(s.private, text)
		}
	}
	report(s.t, run)
}

// report runs a Node journey and turns its lines into subtests. Node ends with us, because it reads our pipe.
func report(t *testing.T, run *exec.Cmd) {
	t.Helper()
	hold, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	patience := time.AfterFunc(10*time.Minute, func() { hold.Close() })
	defer patience.Stop()
	failure := run.Wait()

	ended := false
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		verdict, rest, _ := strings.Cut(lines.Text(), "\t")
		sentence, seen, _ := strings.Cut(rest, "\t")
		switch verdict {
		case "PASS", "FAIL":
			t.Run(sentence, func(t *testing.T) {
				if verdict == "FAIL" {
					t.Errorf("saw %s", seen)
				}
			})
		case "END":
			ended = true
		}
	}
	if !ended || (failure != nil && !t.Failed()) {
		t.Errorf("%s did not reach its end: %v\n%s", strings.Join(run.Args, " "), failure, errs.String())
	}
}

// node finds Node 20 or newer.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		loud.Skip(t, "Node 20 or newer")
	}
	out, err := exec.Command(path, "--version").Output()
	if major := 0; err != nil {
		loud.Skip(t, "Node 20 or newer")
	} else if _, err := fmt.Sscanf(string(out), "v%d.", &major); err != nil || major < 20 {
		loud.Skip(t, "Node 20 or newer (here is "+strings.TrimSpace(string(out))+")")
	}
	return path
}

// chromium finds the browser: the variable CHROMIUM, or where systems keep it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{
		os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome",
		"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	loud.Skip(t, "Chromium (its path in CHROMIUM, if it is somewhere unusual)")
	return ""
}

// install puts the packages of a folder's lock file in place, and builds it if it is a Next.js app. Done once; done
// again when the files it was made from are newer.
func install(t *testing.T, node, folder string) {
	t.Helper()
	lock := filepath.Join(folder, "package-lock.json")
	if _, err := os.Stat(lock); err != nil {
		return // nothing but our own code
	}
	installed := filepath.Join(folder, "node_modules", ".package-lock.json")
	if changed(t, lock).After(changed(t, installed)) {
		npm := "npm"
		if runtime.GOOS == "windows" {
			npm = "npm.cmd"
		}
		fetch := exec.Command(npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
		fetch.Dir = folder
		if out, err := fetch.CombinedOutput(); err != nil {
			loud.Skip(t, fmt.Sprintf("the packages of e2e/%s, which npm could not fetch: %v\n%s", folder, err, out))
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "next.config.mjs")); err != nil {
		return
	}
	newest := changed(t, lock)
	for _, pattern := range []string{"*.ts", "*.mjs", "app"} {
		found, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, root := range found {
			if filepath.Base(root) == "journey.mjs" || filepath.Base(root) == "next-env.d.ts" {
				continue
			}
			filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error {
				if at := changed(t, path); at.After(newest) {
					newest = at
				}
				return nil
			})
		}
	}
	if newest.After(changed(t, filepath.Join(folder, ".next", "BUILD_ID"))) {
		build := exec.Command(node, filepath.Join("node_modules", "next", "dist", "bin", "next"), "build")
		build.Dir = folder
		build.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1", "AUTH_SECRET=only for the build")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("next build in e2e/%s: %v\n%s", folder, err, out)
		}
	}
}

// changed is when a file was last written; the zero time if it is not there.
func changed(t *testing.T, path string) time.Time {
	t.Helper()
	about, err := os.Stat(path)
	if os.IsNotExist(err) {
		return time.Time{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return about.ModTime()
}

// artefacts is where screenshots are kept: E2E_ARTEFACTS, else a folder that goes with the test.
func artefacts(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("E2E_ARTEFACTS")
	if folder == "" {
		return t.TempDir()
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}
