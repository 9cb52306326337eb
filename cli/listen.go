package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
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

// tlsConfig offers TLS 1.3, and of 1.2 only what has forward secrecy and authenticated encryption.
func tlsConfig(c *certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: c.get,
	}
}

// certificate is the one of the configuration. Its files are looked at again once a minute, so a renewed one is in use
// without a restart; while they do not fit together the one before stays.
type certificate struct {
	cert, key string

	mu      sync.Mutex
	looked  time.Time
	changed time.Time
	current *tls.Certificate
}

// loadCertificate reads both files.
func loadCertificate(cert, key string) (*certificate, error) {
	c := &certificate{cert: cert, key: key}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("tls.cert %s and tls.key %s: %w", cert, key, err)
	}
	c.looked = time.Now()
	return c, nil
}

func (c *certificate) read() error {
	changed, err := lastChange(c.cert, c.key)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.current, c.changed = &pair, changed
	return nil
}

// lastChange is when the later of two files was written.
func lastChange(names ...string) (latest time.Time, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return latest, err
		}
		if info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest, nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > time.Minute {
		c.looked = time.Now()
		if changed, err := lastChange(c.cert, c.key); err == nil && !changed.Equal(c.changed) {
			_ = c.read() // in the middle of a renewal: the next look will find both
		}
	}
	return c.current, nil
}
