package admin

import (
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestOnlyThePersonAtThisMachineReadsTheInboxWithoutSigningIn(t *testing.T) {
	cases := []struct {
		name, public, host, peer, header string
		want                             bool
	}{
		{"at the machine", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "", true},
		{"over IPv6", "http://localhost:4283", "localhost:4283", "[::1]:5000", "", true},
		{"address in place of the name", "http://127.0.0.1:4283", "127.0.0.1:4283", "127.0.0.1:5000", "", true},
		{"capital letters", "http://localhost:4283", "LocalHost:4283", "127.0.0.1:5000", "", true},
		{"IPv4 inside IPv6", "http://localhost:4283", "localhost:4283", "[::ffff:127.0.0.1]:5000", "", true},

		{"DNS rebinding", "http://localhost:4283", "evil.example:4283", "127.0.0.1:5000", "", false},
		{"DNS rebinding, prefix", "http://localhost:4283", "localhost.evil.example:4283", "127.0.0.1:5000", "", false},
		{"another name of this machine", "http://localhost:4283", "127.0.0.1:4283", "127.0.0.1:5000", "", false},
		{"another port", "http://localhost:4283", "localhost:80", "127.0.0.1:5000", "", false},
		{"no host", "http://localhost:4283", "", "127.0.0.1:5000", "", false},
		{"from the network", "http://localhost:4283", "localhost:4283", "192.168.1.7:5000", "", false},
		{"peer of another kind", "http://localhost:4283", "localhost:4283", "@", "", false},
		{"server for others", "https://id.example.com", "id.example.com", "127.0.0.1:5000", "", false},
		{"server of the home network", "http://192.168.1.5:4283", "192.168.1.5:4283", "127.0.0.1:5000", "", false},
		{"nginx", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "X-Forwarded-For", false},
		{"proto only", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "X-Forwarded-Proto", false},
		{"standard header", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "Forwarded", false},
		{"lower case", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "x-real-ip", false},
		{"via", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "Via", false},
		{"tunnel", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "Cf-Connecting-Ip", false},
		{"load balancer", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "True-Client-IP", false},
		{"cluster", "http://localhost:4283", "localhost:4283", "127.0.0.1:5000", "X-Cluster-Client-Ip", false},
	}
	for _, c := range cases {
		public, err := url.Parse(c.public)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/inbox", nil)
		r.Host, r.RemoteAddr = c.host, c.peer
		if c.header != "" {
			r.Header[c.header] = []string{""} // even an empty one: somebody is in between
		}
		if got := New(Config{PublicURL: public}, Deps{}).atThisMachine(r); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
