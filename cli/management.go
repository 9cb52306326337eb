package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// management speaks the API of a server: of the one that runs on the data folder, or of one made for this command.
type management struct {
	http  http.Client
	close func() error
}

// hasData reports whether a server has ever used a data folder.
func hasData(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "gatelatch.db"))
	return err == nil
}

// manage finds the server of the data folder. makes says that the command may begin one; the others only look. Without a running one the parts are put together here and do the same work.
func (p *Program) manage(ctx context.Context, makes bool) (_ *management, err error) {
	cfg, err := p.load(nil)
	if err != nil {
		return nil, err
	}
	if m, ok := dial(cfg); ok {
		return m, nil
	}
	if cfg.Database.URL == "" && !hasData(cfg.Data) {
		if !makes {
			return nil, fmt.Errorf("there is no data in the folder %s. Start a server with gatelatch serve, or say where its folder is: --data DIR", cfg.Data)
		}
		defer func() {
			if err == nil {
				fmt.Fprintf(p.Stderr, "gatelatch: %s is a new data folder. A server with another folder knows nothing of what is made here: --data says which.\n", cfg.Data)
			}
		}()
	}
	// Nobody reads along in a command: only what goes wrong is worth a line.
	cfg.Log.Level = "warn"
	parts, err := assemble(ctx, cfg, cfg.publicURL(cfg.Listen), p.logger(cfg.Log))
	if err != nil {
		return nil, err
	}
	return &management{
		http:  http.Client{Transport: inProcess{parts.server.API()}},
		close: parts.close,
	}, nil
}

// managed is a command that needs a server to talk to.
func (p *Program) managed(do func(ctx context.Context, m *management, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		m, err := p.manage(cmd.Context(), strings.HasPrefix(cmd.Name(), "create"))
		if err != nil {
			return err
		}
		defer func() {
			if end := m.close(); err == nil {
				err = end
			}
		}()
		return do(cmd.Context(), m, args)
	}
}

// dial reaches a running server by its socket.
func dial(cfg *Config) (*management, bool) {
	connect := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", cfg.socket())
	}
	probe, err := connect(context.Background(), "", "")
	if err != nil {
		return nil, false
	}
	probe.Close()
	transport := &http.Transport{DialContext: connect}
	return &management{
		http:  http.Client{Transport: transport},
		close: func() error { transport.CloseIdleConnections(); return nil },
	}, true
}

// call does one operation. The error is what the server says about it, for a person.
func (m *management) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gatelatch/api/v1"+path, body)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := m.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return problem(res)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}

// problem turns a problem document (RFC 9457) into an error.
func problem(res *http.Response) error {
	var doc struct {
		Detail string `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Detail == "" {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	if len(doc.Errors) == 0 {
		return errors.New(strings.TrimSuffix(doc.Detail, "."))
	}
	var parts []string
	for _, e := range doc.Errors {
		parts = append(parts, strings.TrimPrefix(strings.TrimPrefix(e.Location, "body."), "query.")+": "+e.Message)
	}
	return errors.New(strings.Join(parts, "; "))
}

// inProcess is a transport that ends at a handler in this process.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answer{header: http.Header{}, status: http.StatusOK}
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, r)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	begun  bool
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if !a.begun {
		a.status, a.begun = status, true
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.body.Write(b)
}
