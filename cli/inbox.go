package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

// inboxPoll is how often --follow looks.
const inboxPoll = 300 * time.Millisecond

func (p *Program) inboxCommand() *cobra.Command {
	var (
		code           string
		wait           time.Duration
		waitText       string
		follow, asJSON bool
	)
	cmd := &cobra.Command{
		Use: "inbox", Short: "Mail that the development inbox has caught", Args: arguments(),
		Long: "Mail that the development inbox has caught, the newest last. With --json each mail is one line.\n" +
			"--code prints only the newest code for an address that still works, and nothing if there is none.",
		Example: "  gatelatch inbox\n  gatelatch inbox --follow\n  gatelatch inbox --code ann@example.com --wait 30s",
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			if wait, err = parseDuration(waitText); err != nil || wait > time.Minute {
				return usage(cmd, "--wait is %q; expected a duration such as 30s, up to 1m", waitText)
			}
			return nil
		},
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			if code != "" {
				return p.newestCode(ctx, m, code, wait, asJSON)
			}
			return p.inbox(ctx, m, follow, asJSON)
		}),
	}
	cmd.Flags().StringVar(&code, "code", "", "print the newest unspent code for an `address`")
	cmd.Flags().StringVar(&waitText, "wait", "0s", "with --code: how long to wait for one")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with mail as it comes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one mail a line")
	return cmd
}

func (p *Program) newestCode(ctx context.Context, m *management, address string, wait time.Duration, asJSON bool) error {
	var found admin.LiveCode
	query := url.Values{"address": {address}, "wait": {strconv.Itoa(int(wait.Seconds()))}}
	if err := m.call(ctx, "GET", "/inbox/code?"+query.Encode(), nil, &found); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(found)
	}
	if found.Code != "" {
		p.printf("%s\n", found.Code)
	}
	return nil
}

// inbox prints the newest mails and, following, those that come, until ctx ends.
func (p *Program) inbox(ctx context.Context, m *management, follow, asJSON bool) error {
	seen := map[string]bool{}
	for first := true; ; first = false {
		var page struct {
			Mails []admin.Mail `json:"mails"`
		}
		if err := m.call(ctx, "GET", "/inbox?limit=100", nil, &page); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if first && len(page.Mails) == 0 && !follow && !asJSON {
			p.printf("No mail yet.\n")
		}
		for _, mail := range slices.Backward(page.Mails) {
			if !seen[mail.ID] {
				seen[mail.ID] = true
				p.printMail(mail, asJSON)
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(inboxPoll):
		}
	}
}

func (p *Program) printMail(mail admin.Mail, asJSON bool) {
	if asJSON {
		enc := json.NewEncoder(p.Stdout)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(mail) // whoever reads along may have gone
		return
	}
	code := ""
	if mail.Code != "" {
		code = "spent or too old"
		if mail.Live {
			code = mail.Code
		}
	}
	w := p.table()
	w.row(mail.Sent.Format("2006-01-02 15:04:05"), mail.To, mail.Subject, code)
	_ = w.Flush()
}
