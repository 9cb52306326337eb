package authn

import "testing"

func TestUsernameIsMadeOfTheAddress(t *testing.T) {
	for address, want := range map[string]string{
		"ann@example.com": "ann", "Ann.Smith+shop@example.com": "ann.smith", "..@example.com": "user", "o'neil@example.com": "oneil", "+x@example.com": "user",
		"a-very-long-name-that-goes-on-and-on-for-ever@example.com": "a-very-long-name-that-goes-on-an",
	} {
		if got := usernameFrom(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
