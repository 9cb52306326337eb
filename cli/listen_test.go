package cli

import (
	"bytes"
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

func TestLoopbackIsBothAddressesOnOnePort(t *testing.T) {
	listeners, err := listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(listeners)
	ports := map[string]bool{}
	for _, l := range listeners {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports[port] = true
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Errorf("dial %s: %v", l.Addr(), err)
			continue
		}
		conn.Close()
	}
	if len(ports) != 1 {
		t.Errorf("ports are %v, want one", ports)
	}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		probe.Close()
		if len(listeners) != 2 {
			t.Errorf("%d listeners on a machine with IPv6, want 2", len(listeners))
		}
	}
}

func TestTakenPortIsNamedWithWhatToDo(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		other, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("this machine has no %s", host)
			continue
		}
		defer other.Close()
		_, port, _ := net.SplitHostPort(other.Addr().String())
		// Half of localhost taken is taken: half of the visitors would reach the other program.
		_, err = listen("localhost:" + port)
		if err == nil || !strings.Contains(err.Error(), "port "+port+" is taken by another program") || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%s taken: got %v", host, err)
		}
		// Nothing may stay open after a refusal.
		if again, err := net.Listen("tcp", net.JoinHostPort(map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1"}[host], port)); err == nil {
			again.Close()
		} else if !strings.Contains(err.Error(), "cannot assign") {
			t.Errorf("the other half stayed open: %v", err)
		}
	}
}

func TestDemoMovesToAFreePortAndSaysSo(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, port, _ := net.SplitHostPort(other.Addr().String())
	var moved []string
	listeners, err := listenNear(port, &moved)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(listeners)
	if len(moved) != 1 || moved[0] != port {
		t.Errorf("moved is %v, want %s", moved, port)
	}
}

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

func TestNamesOfPeopleCannotMoveTheCursorOfATerminal(t *testing.T) {
	var out bytes.Buffer
	w := (&Program{Stdout: &out}).table()
	w.row("Ann\x1b[2J\nBen\u009b", "x")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "Ann [2J Ben   x\n" {
		t.Errorf("got %q", got)
	}
}
