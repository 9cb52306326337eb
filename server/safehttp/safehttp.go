// Package safehttp is the one way by which this server calls others at addresses that clients have named: key sets,
// sector identifiers, metadata documents, back-channel logout. Such an address may be chosen by an attacker who wants the
// server to knock on doors that only it can reach (server-side request forgery), or to wait, or to fill its memory.
//
// So: https alone; no address of a private, loopback, link-local or otherwise special network, judged after the name was
// looked up and with the connection made to the very address that was judged; no redirects, no proxies, no cookies, no
// compression; bounded time, size and number. Networks of one's own can be named in the configuration
// (outgoing.allow_networks): those may be called, also by plain http.
//
// It knows nothing of what it fetches.
package safehttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// Bounds of a call.
const (
	maxBody   = 64 << 10
	maxHeader = 16 << 10
	timeout   = 5 * time.Second
	maxCalls  = 16 // at the same time; more wait their turn within the timeout
)

// Why a call was refused or given up. Compare with errors.Is; any other error is the network's.
var (
	// ErrURL says that the address is not one that may be called at all.
	ErrURL = errors.New("the address must be https://host/path, without user, password or fragment")
	// ErrForbidden says that the name stands for an address that must not be called.
	ErrForbidden = errors.New("the address is in a private or special network; outgoing.allow_networks can allow it")
	// ErrRedirect says that the answer wanted us to go elsewhere.
	ErrRedirect = errors.New("the answer is a redirect, and redirects are not followed")
	// ErrTooLarge says that the answer is larger than what this client reads: 64 KiB, unless it was told otherwise.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrStatus says that the document is not to be had: the status is not 200.
	ErrStatus = errors.New("the answer is not 200")
)

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Client makes the calls. It is safe for concurrent use.
type Client struct {
	allowed  []netip.Prefix
	most     int // bytes of an answer
	http     *http.Client
	lookup   func(ctx context.Context, host string) ([]netip.Addr, error)
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	slots    chan struct{}
	running  singleflight.Group
	failures failures
}

// New makes a client that, besides public addresses, may call those of the allowed networks. now is the clock by which
// failures are remembered.
func New(allowed []netip.Prefix, now func() time.Time) *Client {
	c := &Client{
		allowed: allowed,
		most:    maxBody,
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
		dial:     (&net.Dialer{Timeout: timeout}).DialContext,
		slots:    make(chan struct{}, maxCalls),
		failures: failures{now: now},
	}
	c.http = &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would look the name up by itself
			DialContext:            c.connect,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true, // each call is judged anew
			DisableCompression:     true, // what is counted is what came
			MaxResponseHeaderBytes: maxHeader,
			ForceAttemptHTTP2:      true,
		},
	}
	return c
}

// Reading is a client like New's that reads answers of at most that many bytes.
func Reading(most int, allowed []netip.Prefix, now func() time.Time) *Client {
	c := New(allowed, now)
	c.most = most
	return c
}

// Get fetches a document: an answer of status 200 that is not too large. Callers who want the same address at the same time
// share one call, and a failure is remembered for a minute, so that nobody can use us to knock again and again.
func (c *Client) Get(ctx context.Context, address, accept string) (Answer, error) {
	if err := c.failures.recent(address); err != nil {
		return Answer{}, err
	}
	// The call goes on if its first caller leaves: the others wait for it, too.
	detached := context.WithoutCancel(ctx)
	done := c.running.DoChan(address, func() (any, error) {
		answer, err := c.call(detached, http.MethodGet, address, http.Header{"Accept": {accept}}, nil)
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("%w but %d", ErrStatus, answer.Status)
		}
		if err != nil {
			err = fmt.Errorf("fetch %s: %w", address, err)
			c.failures.note(address, err)
		}
		return answer, err
	})
	select {
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	case r := <-done:
		return r.Val.(Answer), r.Err
	}
}

// PostForm delivers a form and returns the answer, whatever its status but a redirect. Failures are not remembered: whoever
// delivers has a rhythm of their own.
func (c *Client) PostForm(ctx context.Context, address string, form url.Values) (Answer, error) {
	answer, err := c.call(ctx, http.MethodPost, address, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
	if err != nil {
		return answer, fmt.Errorf("deliver to %s: %w", address, err)
	}
	return answer, nil
}

func (c *Client) call(ctx context.Context, method, address string, header http.Header, body []byte) (Answer, error) {
	u, err := parse(address)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, schemeKey{}, u.Scheme), method, u.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, ErrURL
	}
	r.Header = header
	r.Header.Set("User-Agent", "Gatelatch")
	res, err := c.http.Do(r)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // it would name method and address once more
		}
		return Answer{}, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return Answer{}, ErrRedirect
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, int64(c.most)+1))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if len(text) > c.most {
		return Answer{}, ErrTooLarge
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: text}, nil
}

// CheckURL says whether an address has the form of one that may be called, without calling it: for those who register
// addresses. Plain http passes here; whether its host is in an allowed network shows when it is called.
func CheckURL(address string) error {
	_, err := parse(address)
	return err
}

func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > 2048 || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Opaque != "" || strings.ContainsAny(address, "#\\ ") {
		return nil, ErrURL
	}
	return u, nil
}

type schemeKey struct{}

// connect looks a name up once, judges every address it stands for, and connects to one of those: a name that answers
// differently the next time (DNS rebinding) is not asked a next time.
func (c *Client) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ErrURL
	}
	addresses, err := c.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	plain := ctx.Value(schemeKey{}) != "https"
	for i, a := range addresses {
		addresses[i] = a.Unmap()
		switch own := c.own(addresses[i]); {
		case plain && !own:
			return nil, fmt.Errorf("%w: plain http", ErrURL)
		case !own && !public(addresses[i]):
			return nil, ErrForbidden
		}
	}
	var conn net.Conn
	for _, a := range addresses[:min(len(addresses), 4)] {
		if conn, err = c.dial(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addresses, err := c.lookup(ctx, host)
	if err == nil && len(addresses) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addresses, err
}

// own reports whether an address lies in a network that the configuration allows.
func (c *Client) own(a netip.Addr) bool {
	for _, p := range c.allowed {
		if a.Zone() == "" && p.Contains(a) {
			return true
		}
	}
	return false
}
