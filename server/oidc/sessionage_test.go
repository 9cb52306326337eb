package oidc

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

func TestAnAppDecidesHowOldASignInMayBe(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	strict := func(c *storage.Client) { c.Settings.MaxSessionAge = 3600 }
	w.addClient("strict", "web", strict)
	w.addClient("strict-tv", "native", func(c *storage.Client) { devices(c); strict(c) })
	leads := func(client string, change ...func(url.Values)) string {
		t.Helper()
		_, to, _ := ann.get("/oidc/authorize?" + request(client, change...).Encode())
		return to
	}
	if to := leads("strict"); !strings.HasPrefix(to, callback+"?code=") {
		t.Errorf("a fresh sign-in leads to %q", to)
	}
	w.wait(time.Hour + 2*time.Second)
	for name, change := range map[string][]func(url.Values){"plain": nil, "with a larger max_age": {set("max_age", "86400")}, "with an empty one": {set("max_age", "")}} {
		if to := leads("strict", change...); !strings.HasPrefix(to, "/sign-in?flow=") {
			t.Errorf("%s: an old sign-in leads to %q", name, to)
		}
	}
	if to := leads("strict", set("prompt", "none")); !strings.Contains(to, "error=login_required") {
		t.Errorf("prompt=none leads to %q", to)
	}
	if to := leads("web"); !strings.HasPrefix(to, callback+"?code=") {
		t.Errorf("another app is bound, too: %q", to)
	}
	_, user := w.asks("strict-tv")
	if _, to, _ := ann.post("/device", url.Values{"user_code": {user}}); !strings.HasPrefix(to, "/sign-in?flow=") {
		t.Errorf("a device with an old sign-in leads to %q", to)
	}
	_, user = w.asks("tv")
	ann.opens(user)
}
