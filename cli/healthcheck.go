package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Ask the server whether it is well", Args: arguments(),
		Long: "Ask the server of the data folder whether it is well. It says itself where it listens; where none runs on the folder,\n" +
			"the address of the configuration is asked.\n" +
			"The exit code is 0 if it can take requests and reach its database, else 1.",
		Example: "  gatelatch healthcheck --config /etc/gatelatch.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.load(nil)
			if err != nil {
				return err
			}
			address, https, err := whereToAsk(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := ready(cmd.Context(), address, https); err != nil {
				return err
			}
			p.printf("ok\n")
			return nil
		},
	}
}

// whereToAsk is the address the server listens on, as one that can be dialled, and whether it speaks https there. A server that
// runs on the data folder says so itself: it may have been started with flags. Else the configuration says where it should be.
func whereToAsk(ctx context.Context, cfg *Config) (address string, https bool, err error) {
	address, https = cfg.Listen, cfg.TLS.Cert != ""
	if m, ok := dial(cfg); ok {
		defer m.close()
		var health admin.Health
		if err := m.call(ctx, "GET", "/health", nil, &health); err != nil {
			return "", false, err
		}
		address, https = health.Listen, health.TLS
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", false, fmt.Errorf("listen is %q: %w", address, err)
	}
	switch host {
	case "", "0.0.0.0", "localhost":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	if port == "0" {
		return "", false, fmt.Errorf("no server runs on %s, and the configuration leaves the port to the system", cfg.Data)
	}
	return net.JoinHostPort(host, port), https, nil
}

// ready asks /readyz. The certificate is not checked: this asks whether the process works, and its name is that of the
// public address, which may not even resolve here.
func ready(ctx context.Context, address string, https bool) error {
	scheme := "http"
	if https {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", scheme+"://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("no server listens on %s. Start one with gatelatch serve", address)
		}
		return fmt.Errorf("no answer from %s: %w", address, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers, but is not ready (%s). Its log says why", address, res.Status)
	}
	return nil
}
