package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair writes a self-signed certificate and its key.
func writePair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// shake tries a handshake and returns the version, suite and the name on the certificate.
func shake(t *testing.T, server *tls.Config, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() { _ = tls.Server(b, server).HandshakeContext(context.Background()) }()
	client.InsecureSkipVerify, client.ServerName = true, "localhost"
	conn := tls.Client(a, client)
	err := conn.HandshakeContext(t.Context())
	return conn.ConnectionState(), err
}

func TestTLSOffersOnlyForwardSecrecyWithAuthenticatedEncryption(t *testing.T) {
	c, err := loadCertificate(writePair(t, t.TempDir(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	server := tlsConfig(c)
	if s, err := shake(t, server, &tls.Config{}); err != nil || s.Version != tls.VersionTLS13 {
		t.Errorf("a modern client gets %x, %v", s.Version, err)
	}
	if s, err := shake(t, server, &tls.Config{MaxVersion: tls.VersionTLS12}); err != nil || !strings.Contains(tls.CipherSuiteName(s.CipherSuite), "ECDHE") {
		t.Errorf("TLS 1.2 gets %s, %v", tls.CipherSuiteName(s.CipherSuite), err)
	}
	if _, err := shake(t, server, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	weak := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}
	if _, err := shake(t, server, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: weak}); err == nil {
		t.Error("a suite without authenticated encryption was accepted")
	}
}

func TestRenewedCertificateIsPickedUpAndABrokenOneIsNot(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "first")
	c, err := loadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		current, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(current.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Subject.CommonName
	}
	later := func(d time.Duration) {
		when := time.Now().Add(d)
		for _, f := range []string{cert, key} {
			if err := os.Chtimes(f, when, when); err != nil {
				t.Fatal(err)
			}
		}
	}
	writePair(t, dir, "second")
	later(time.Hour)
	if got := name(); got != "first" {
		t.Errorf("within a minute got %q", got)
	}
	c.looked = time.Time{}
	if got := name(); got != "second" {
		t.Errorf("after a minute got %q", got)
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	later(2 * time.Hour)
	c.looked = time.Time{}
	if got := name(); got != "second" {
		t.Errorf("in the middle of a renewal got %q", got)
	}
}
