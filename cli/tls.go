package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

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
