package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// listen opens the address of the configuration. A loopback name or address opens both 127.0.0.1 and ::1 on one port:
// programs resolve localhost to either. One that this machine does not have is left out; one that another program has is
// an error, or half of the visitors would reach that program.
func listen(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen is %q: %w", address, err)
	}
	if !isLoopback(host) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, cannotListen(address, port, err)
		}
		return []net.Listener{l}, nil
	}
	for try := 0; ; try++ {
		listeners, err := listenLoopback(port)
		// A free port on one side may be taken on the other: then the system picks again.
		if err == nil || port != "0" || try == 20 {
			return listeners, err
		}
	}
}

func listenLoopback(port string) ([]net.Listener, error) {
	var listeners []net.Listener
	wanted := port
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		switch {
		case err == nil:
			listeners = append(listeners, l)
			_, port, _ = net.SplitHostPort(l.Addr().String())
		case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT):
			continue // a machine without IPv6, or without IPv4
		default:
			closeAll(listeners)
			return nil, cannotListen(net.JoinHostPort(host, wanted), port, err)
		}
	}
	if len(listeners) == 0 {
		return nil, errors.New("this machine has neither 127.0.0.1 nor ::1. Give an address of it with --listen")
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// windowsInUse is WSAEADDRINUSE, which package syscall has no portable name for.
const windowsInUse = syscall.Errno(10048)

// portTaken says that another program listens there.
type portTaken struct{ address, port string }

// Error implements error.
func (p *portTaken) Error() string {
	return fmt.Sprintf("port %s is taken by another program (%s). Stop that one, or choose another port: --listen localhost:PORT", p.port, p.address)
}

// cannotListen says why, and what to do.
func cannotListen(address, port string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsInUse):
		return &portTaken{address, port}
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("this account may not listen on port %s. Choose one above 1023, or give the program the right (on Linux: CAP_NET_BIND_SERVICE)", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine. Choose one that is, or 0.0.0.0:%s for all of them", address, port)
	}
	return fmt.Errorf("cannot listen on %s: %w", address, err)
}
