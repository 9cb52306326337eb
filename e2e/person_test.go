package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// person has a browser without JavaScript (cookies, forms, redirects) and a mailbox.
type person struct {
	t       *testing.T
	address string
	browser *http.Client
	code    func(address string) string // reads the mailbox
	network string                      // the address a trusted proxy would report; "" for none
	page    page                        // what the browser shows
}

// person is somebody new at this server.
func (s *server) person(address string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &person{t: s.t, address: address, code: s.code, browser: &http.Client{Jar: jar, Transport: s.client.Transport, Timeout: time.Minute}}
}

// page is an answer as a person sees it.
type page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	root   *html.Node
}

// open visits an address and follows where it leads.
func (p *person) open(address string) page {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(request)
}

// submit fills the form that has the first field, and sends it. Fields are names and values in turn.
func (p *person) submit(fields ...string) page {
	p.t.Helper()
	form := p.page.form(hasName(fields[0]))
	if form == nil {
		p.t.Fatalf("no form on %s asks for %q:\n%s", p.page.URL, fields[0], p.page.Body)
	}
	return p.post(form, fields...)
}

// press sends the form of the button with this id.
func (p *person) press(id string) page {
	p.t.Helper()
	form := p.page.form(func(n *html.Node) bool { return attribute(n, "id") == id })
	if form == nil {
		p.t.Fatalf("no form on %s has #%s:\n%s", p.page.URL, id, p.page.Body)
	}
	return p.post(form)
}

// post sends a form as it stands, with these fields filled in.
func (p *person) post(form *html.Node, fields ...string) page {
	p.t.Helper()
	values := url.Values{}
	each(form, func(n *html.Node) {
		kind := attribute(n, "type")
		if n.Data == "input" && attribute(n, "name") != "" && kind != "checkbox" && kind != "submit" {
			values.Set(attribute(n, "name"), attribute(n, "value"))
		}
	})
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	target, err := p.page.URL.Parse(attribute(form, "action"))
	if err != nil {
		p.t.Fatal(err)
	}
	method := strings.ToUpper(attribute(form, "method"))
	request, err := http.NewRequest(method, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.page.URL.Scheme+"://"+p.page.URL.Host)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.send(request)
}

func (p *person) send(request *http.Request) page {
	p.t.Helper()
	shown, err := p.try(request)
	if err != nil {
		p.t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	return shown
}

// try sends a request that may find nobody at the other end.
func (p *person) try(request *http.Request) (page, error) {
	if p.network != "" {
		request.Header.Set("X-Forwarded-For", p.network)
	}
	answer, err := p.browser.Do(request)
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return page{}, err
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return page{}, err
	}
	p.page = page{URL: answer.Request.URL, Status: answer.StatusCode, Header: answer.Header, Body: string(body), root: root}
	return p.page, nil
}

// signIn opens an address that leads to the sign-in page, and does what it and the next page ask.
func (p *person) signIn(address string) page {
	p.t.Helper()
	p.open(address)
	p.submit("email", p.address)
	return p.submit("code", p.code(p.address))
}

// form finds the form around an element.
func (shown page) form(is func(*html.Node) bool) (form *html.Node) {
	each(shown.root, func(n *html.Node) {
		if form != nil || n.Type != html.ElementNode || n.Data != "form" {
			return
		}
		each(n, func(inner *html.Node) {
			if inner.Type == html.ElementNode && is(inner) {
				form = n
			}
		})
	})
	return form
}

// hasName recognises a field by its name.
func hasName(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == "input" && attribute(n, "name") == name }
}

// has says whether the page has an element with this id.
func (shown page) has(id string) (found bool) {
	each(shown.root, func(n *html.Node) { found = found || attribute(n, "id") == id })
	return found
}

// text is what a person reads.
func (shown page) text() string {
	var words []string
	each(shown.root, func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			words = append(words, strings.Fields(n.Data)...)
		}
	})
	return strings.Join(words, " ")
}

func each(n *html.Node, do func(*html.Node)) {
	for inner := range n.Descendants() {
		do(inner)
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
