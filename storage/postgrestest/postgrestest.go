// Package postgrestest gives tests a PostgreSQL database of their own: on the server that GATELATCH_TEST_POSTGRES names,
// or on a private one that lives as long as the test binary, started from the programs found on this machine. It knows
// nothing of Gatelatch's tables; most tests want storage/storagetest.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/e2e/loud"

	"github.com/jackc/pgx/v5"
)

// URL returns the address of an empty schema, dropped when the test ends: to the program it is a database of its own, and
// it costs a hundredth of one. Without any PostgreSQL the test is skipped; where the variable CI is set, it fails instead.
func URL(t testing.TB) string {
	t.Helper()
	server, err := database()
	if err != nil {
		loud.Skip(t, fmt.Sprintf("PostgreSQL (%v)", err))
	}
	name := "test_" + strconv.Itoa(os.Getpid()) + "_" + strconv.FormatInt(schemas.Add(1), 10)
	run(t, server, "CREATE SCHEMA "+name)
	t.Cleanup(func() { run(t, server, "DROP SCHEMA "+name+" CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

var schemas atomic.Int64

func run(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to the test server: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// database is the address of a database in which schemas can be made.
var database = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("GATELATCH_TEST_POSTGRES"); u != "" {
		return u, nil
	}
	return startServer()
})

// startServer makes a cluster in a temporary folder, reachable through a Unix socket in it. A shell stands between: it
// waits for the end of this process, however that comes, then stops the server and removes the folder.
func startServer() (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("set GATELATCH_TEST_POSTGRES")
	}
	bin, err := programs()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "gatelatch-pg")
	if err != nil {
		return "", err
	}
	as, err := serverUser(dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	// What a crash would lose does not matter here.
	watch := exec.Command("sh", "-c", `"$0/postgres" -D data -k "$1" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200 -c deadlock_timeout=50ms >log 2>&1 </dev/null &
		trap "" INT TERM HUP; cat >/dev/null; kill -INT $!; wait $!; cd / && rm -rf "$1"`, bin, dir)
	watch.Dir, watch.SysProcAttr = dir, as
	if leash, err = watch.StdinPipe(); err != nil { // closed by the system when we end
		return "", err
	}
	if err := watch.Start(); err != nil {
		return "", err
	}
	admin := "postgres://postgres@/postgres?host=" + url.QueryEscape(dir)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), admin)
		if err == nil {
			return admin, conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(dir + "/log")
			return "", fmt.Errorf("start postgres: %w\n%s", err, log)
		}
	}
}

// leash is what the shell holds on to. A variable keeps the garbage collector from closing it.
var leash io.WriteCloser

// programs finds the folder of initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			if _, err = os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
				return filepath.Dir(path), nil
			}
		}
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = append(found, paths...)
	}
	if len(found) == 0 {
		return "", errors.New("there is no initdb here; install PostgreSQL or set GATELATCH_TEST_POSTGRES to the URL of a server")
	}
	return strings.TrimSuffix(found[len(found)-1], "/initdb"), nil
}
