package safehttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// HTTP is this client for libraries that bring requests of their own: the same addresses, bounds and refusals, and no memory of failures.
func (c *Client) HTTP() *http.Client {
	return &http.Client{Transport: transport{c}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// transport carries the requests of others.
type transport struct{ client *Client }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
	}
	a, err := t.client.call(r.Context(), r.Method, r.URL.String(), r.Header.Clone(), body)
	if err != nil {
		return nil, err
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r}, nil
}
