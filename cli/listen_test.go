package cli

import (
	"net"
	"strings"
	"testing"
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
