package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary also the program that the scripts run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatelatch": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(Run(ctx, Program{Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}})
}

// TestCommands runs the scripts in testdata. Beside testscript's own commands they have
//
//	exits CODE PROGRAM ARGS…   run, and demand this exit code
//	until PROGRAM ARGS…        run again and again until it works, for ten seconds
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					exit, ok := errors.AsType[*exec.ExitError](err)
					if !ok {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit code is %d, want %d", got, want)
				}
			},
			"until": func(ts *testscript.TestScript, _ bool, args []string) {
				for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					err := ts.Exec(args[0], args[1:]...)
					if err == nil {
						return
					}
					if time.Now().After(deadline) {
						ts.Fatalf("%v after ten seconds", err)
					}
				}
			},
		},
	})
}
