package server_test

import (
	"bufio"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestLogOfAWholeJourneyHoldsNoSecretAndNoAddressOfAPerson(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	secrets := map[string]string{"address": "ann.secret@example.com", "local part": "ann.secret", "client secret": appSecret, "state": "some-state", "nonce": "some-nonce", "hint": "hint@example.com"}
	keep := func(name, value string) {
		t.Helper()
		if len(value) < 6 {
			t.Fatalf("%s is %q", name, value)
		}
		secrets[name] = value
	}
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("login_hint", "hint@example.com", "prompt", "login").Encode())
	keep("flow", p.form("/sign-in/email").Get("flow"))
	p.submit("/sign-in/email", "email", "not an address ann.secret@")
	p.submit("/sign-in/email", "email", "ann.secret@example.com")
	mail, err := w.mails.Wait(t.Context(), "ann.secret@example.com")
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}
	keep("mailed code", mail.Code)
	keep("mailed link", link.Query().Get("t"))
	p.submit("/sign-in/code", "code", "12345")
	p.submit("/sign-in/code", "code", not(mail.Code))
	keep("wrong code", not(mail.Code))
	w.person().visit(link.RequestURI()) // in another browser
	p.submit("/sign-in/code", "code", mail.Code)
	back, err := url.Parse(p.left)
	if err != nil {
		t.Fatal(err)
	}
	keep("authorization code", back.Query().Get("code"))
	for _, c := range p.jar.Cookies(w.url) {
		keep("cookie "+c.Name, c.Value)
	}
	p.visit(link.RequestURI()) // once more, spent

	var tokens map[string]any
	answer := w.asBookstore("/token", "grant_type", "authorization_code", "code", secrets["authorization code"], "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &tokens); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		value, _ := tokens[name].(string)
		keep(name, value)
	}
	w.asBookstore("/token", "grant_type", "authorization_code", "code", secrets["authorization code"], "redirect_uri", appCallback) // again
	w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", secrets["refresh_token"]+"x")
	r := w.request("POST", "/oidc/token?client_secret="+appSecret, url.Values{"grant_type": {"password"}, "username": {"ann.secret@example.com"}, "client_secret": {appSecret}})
	w.do(r)
	r = w.request("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+secrets["access_token"])
	w.do(r)
	w.do(w.request("GET", "/oidc/userinfo?access_token="+secrets["access_token"], nil))
	w.asBookstore("/revoke", "token", secrets["access_token"])
	for _, path := range []string{"/oidc/authorize?" + authorization("prompt", "none", "id_token_hint", secrets["id_token"]).Encode(), "/oidc/logout?id_token_hint=x" + secrets["id_token"],
		"/oidc/logout?client_id=till&id_token_hint=" + secrets["id_token"], "/oidc/logout?id_token_hint=" + secrets["id_token"] + "&state=some-state", strings.TrimPrefix(w.setUp, w.url.String()), "/nothing?code=" + secrets["authorization code"]} {
		p.visit(path)
	}
	setUp, err := url.Parse(w.setUp)
	if err != nil {
		t.Fatal(err)
	}
	keep("set-up link", setUp.Query().Get("t"))
	p.post("/set-up", url.Values{"t": {setUp.Query().Get("t")}, "name": {"Ann Secret"}, "email": {"ann.secret@example.com"}, "sign_up": {"open"}})
	secrets["name"] = "Ann Secret"

	log := w.log.text()
	for name, value := range secrets {
		if name == "flow" {
			continue // an id the browser sees is no secret; it is in secrets to be sure that there was one
		}
		for _, form := range []string{value, url.QueryEscape(value)} {
			if i := strings.Index(log, form); i >= 0 {
				t.Errorf("the log holds the %s: …%s…", name, log[max(0, i-200):min(len(log), i+100)])
			}
		}
	}
	lines := 0
	for s := bufio.NewScanner(strings.NewReader(log)); s.Scan(); lines++ {
		var line map[string]any
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, s.Text())
		}
		if path, _ := line["path"].(string); strings.ContainsAny(path, "?@") {
			t.Errorf("the log holds a query: %s", s.Text())
		}
	}
	if lines < 20 || !strings.Contains(log, `"path":"/oidc/token"`) {
		t.Errorf("the log has only %d lines:\n%s", lines, log)
	}
}

// not is another code than that.
func not(code string) string {
	digit := '0' + (code[5]-'0'+1)%10
	return code[:5] + string(rune(digit))
}
