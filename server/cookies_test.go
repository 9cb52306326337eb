package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestCookiesOnHTTPAndHTTPS(t *testing.T) {
	for public, names := range map[string][]string{
		"http://localhost:4283": {"gl_browser_4283", "gl_session_4283", "gl_lang_4283", "gl_device_4283"},
		"https://id.example":    {"__Host-gl_browser", "__Host-gl_session", "__Host-gl_lang", "__Host-gl_device"},
	} {
		w := newWorld(t, public)
		seen := map[string]bool{}
		handler := w.handler
		w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			handler.ServeHTTP(rw, r)
			for _, line := range rw.Header().Values("Set-Cookie") {
				c, err := http.ParseSetCookie(line)
				if err != nil {
					t.Fatal(err)
				}
				seen[c.Name] = true
				https := strings.HasPrefix(public, "https")
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != https || c.Path != "/" || c.Domain != "" || len(c.Value) > 100 {
					t.Errorf("%s: %s", public, line)
				}
			}
		})
		p := w.person()
		p.signIn("ann@example.com")
		p.visit("/sign-in?lang=de")
		p.visit("/oidc/logout")
		p.post("/oidc/logout/confirm", p.form("/oidc/logout/confirm"))
		for _, name := range names {
			if !seen[name] {
				t.Errorf("%s: no cookie %s among %v", public, name, seen)
			}
		}
		if len(seen) != len(names) {
			t.Errorf("%s: got the cookies %v, want %v", public, seen, names)
		}
	}
}

func TestSignInMakesANewSessionWhateverTheBrowserCameWith(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	attacker := w.person()
	attacker.visit("/oidc/authorize?" + authorization().Encode())
	attacker.signIn("mallory@example.com")
	planted := attacker.jar.Cookies(w.url)

	victim := w.person()
	victim.jar.SetCookies(w.url, planted) // from a sibling subdomain or another port, before they sign in
	victim.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	victim.submit("/sign-in/email", "email", "ann@example.com")
	mail, err := w.mails.Wait(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	victim.submit("/sign-in/code", "code", mail.Code)
	if !strings.Contains(victim.left, "code=") {
		t.Fatalf("the victim ended at %q", victim.left)
	}
	attacker.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if strings.Contains(attacker.left, "code=") {
		t.Error("a session from before the sign-in is good for something after it")
	}
}

// With the cookie that binds flows planted, the attacker knows both the browser and the flow. Neither is a session.
func TestPlantedBrowserCookieGivesNobodyElseTheSignIn(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	attacker := w.person()
	attacker.visit("/oidc/authorize?" + authorization().Encode())
	flow := attacker.form("/sign-in/email").Get("flow")
	victim := w.person()
	victim.jar.SetCookies(w.url, attacker.jar.Cookies(w.url))
	victim.visit("/sign-in?flow=" + flow) // the attacker's flow, handed over
	victim.submit("/sign-in/email", "email", "ann@example.com")
	mail, err := w.mails.Wait(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	form := victim.form("/sign-in/code")
	form.Set("code", mail.Code)
	r := victim.request("POST", "/sign-in/code", form)
	r.Header.Set("Origin", w.url.String())
	if got := victim.send(r); got.Header().Get("Location") != "/oidc/resume?flow="+flow {
		t.Fatalf("the victim was sent to %q", got.Header().Get("Location"))
	}
	for _, path := range []string{"/oidc/resume?flow=" + flow, "/sign-in?flow=" + flow, "/sign-in/code?flow=" + flow} {
		attacker.left = ""
		attacker.visit(path)
		if attacker.left != "" {
			t.Errorf("GET %s took the attacker to %s", path, attacker.left)
		}
	}
	attacker.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if strings.Contains(attacker.left, "code=") {
		t.Error("the attacker is signed in")
	}
}

func TestStrangeCookiesAreNobody(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	var session string
	for _, c := range p.jar.Cookies(w.url) {
		if c.Name == "gl_session_4283" {
			session = c.Value
		}
	}
	if session == "" {
		t.Fatal("no session cookie")
	}
	sign := func(header string) bool {
		r := w.request("GET", "/oidc/authorize?"+authorization("prompt", "none").Encode(), nil)
		r.Header.Set("Cookie", header)
		got := w.do(r)
		to, err := url.Parse(got.Header().Get("Location"))
		return err == nil && got.Code == http.StatusSeeOther && to.Query().Get("code") != ""
	}
	if !sign("gl_session_4283=" + session) {
		t.Fatal("the right cookie is nobody")
	}
	for _, header := range []string{
		"gl_session_4283=" + session[:len(session)-1], "gl_session_4283=" + session + "A", "gl_session_4283=" + session + "%00", "gl_session_4283=" + strings.ToUpper(session), "gl_session_4283=" + strings.ToLower(session),
		"gl_session_4283=", "gl_session_4283", "gl_session=" + session, "gl_session_4284=" + session, "__Host-gl_session_4283=" + session, "gl_browser_4283=" + session, "GL_SESSION_4283=" + session,
		"gl_session_4283=; gl_session_4283=" + session, "gl_session_4283=" + strings.Repeat("x", 5000), "=" + session, "gl_session_4283==" + session,
	} {
		if sign(header) {
			t.Errorf("%.80q is signed in", header)
		}
	}
}
