package web

import (
	"net/http"
	"net/url"
	"time"
)

// Cookies writes and reads this server's cookies: HttpOnly, SameSite=Lax, on https with the __Host- prefix and Secure.
type Cookies struct {
	https  bool
	suffix string
}

// NewCookies makes the cookie names of the server at publicURL. Browsers share cookies between the ports of a host,
// so a port in the address becomes part of the name: two servers on one machine do not sign each other's visitors out.
func NewCookies(publicURL *url.URL) Cookies {
	c := Cookies{https: publicURL.Scheme == "https"}
	if p := publicURL.Port(); p != "" {
		c.suffix = "_" + p
	}
	return c
}

func (c Cookies) name(name string) string {
	name = "gl_" + name + c.suffix
	if c.https {
		return "__Host-" + name
	}
	return name
}

// Get returns the cookie's value, "" if there is none. Of several with one name the first counts; the prefix keeps strangers from setting one on https.
func (c Cookies) Get(r *http.Request, name string) string {
	k, err := r.Cookie(c.name(name))
	if err != nil || len(k.Value) > 1024 {
		return ""
	}
	return k.Value
}

// Set gives the browser a cookie. life 0 makes it end with the browser's session.
func (c Cookies) Set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: c.name(name), Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, Secure: c.https, SameSite: http.SameSiteLaxMode})
}

// Clear takes a cookie away.
func (c Cookies) Clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: c.name(name), Path: "/", MaxAge: -1, HttpOnly: true, Secure: c.https, SameSite: http.SameSiteLaxMode})
}
