package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
)

// maxSocketPath is what the narrowest system (macOS) has room for in a socket's name, with its final zero.
const maxSocketPath = 104

// listenSocket opens the socket on which the commands reach a running server: for the owner of the data folder only.
// nil without an error means that this system has none.
func listenSocket(cfg *Config) (net.Listener, error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	path := cfg.socket()
	if len(path) >= maxSocketPath {
		return nil, fmt.Errorf("the name of the data folder is too long for the socket in it (%d characters, %d fit), so commands cannot reach this server while it runs. Use a shorter one, or a relative one", len(path), maxSocketPath-1)
	}
	if m, ok := dial(cfg); ok {
		m.close()
		return nil, fmt.Errorf("another server answers on %s", path)
	}
	// What is left of a server that was killed is in the way.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the socket for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("close the socket to others: %w", err)
	}
	return l, nil
}
