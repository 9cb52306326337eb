package postgrestest

import "syscall"

// serverUser is never reached here: no server is started on Windows.
func serverUser(string) (*syscall.SysProcAttr, error) { return nil, nil }
