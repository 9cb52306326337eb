package views

import "testing"

func TestTheDifferenceOfTwoAddressesIsWholeWords(t *testing.T) {
	for _, c := range []struct {
		received, registered string
		want                 difference
	}{
		{"http://localhost:3000/logto/sign-in-callback", "http://localhost:3000/callback", difference{"http://localhost:3000/", "logto/sign-in-callback", "callback", ""}},
		{"http://localhost:3001/cb", "http://localhost:3000/cb", difference{"http://localhost:", "3001", "3000", "/cb"}},
		{"http://shop.example/cb", "https://shop.example/cb", difference{"", "http", "https", "://shop.example/cb"}},
		{"https://shop.example/cb/", "https://shop.example/cb", difference{"https://shop.example/cb", "/", "", ""}},
		{"https://a/x/x", "https://a/x", difference{"https://a/x", "/x", "", ""}},
		{"", "https://a/x", difference{"", "", "https://a/x", ""}},
		{"same", "same", difference{"same", "", "", ""}},
	} {
		got := compare(c.received, c.registered)
		if got != c.want {
			t.Errorf("%q against %q: got %+v, want %+v", c.received, c.registered, got, c.want)
		}
		if got.before+got.received+got.after != c.received || got.before+got.registered+got.after != c.registered {
			t.Errorf("%q against %q does not add up: %+v", c.received, c.registered, got)
		}
	}
}
