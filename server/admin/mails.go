package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// Mail is a captured mail.
type Mail struct {
	ID      string     `json:"id"`
	To      string     `json:"to"`
	Subject string     `json:"subject"`
	Sent    *time.Time `json:"sent"`
	Code    string     `json:"code,omitempty" doc:"The code in the mail, whether or not it still works"`
	Link    string     `json:"link,omitempty"`
	Live    bool       `json:"live" doc:"The code can still be used"`
	Text    string     `json:"text,omitempty"`
	HTML    string     `json:"html,omitempty"`
}

// LiveCode is the newest code for an address that can still be used.
type LiveCode struct {
	Code    string     `json:"code" doc:"Empty if there is none"`
	Expires *time.Time `json:"expires,omitempty"`
}

const (
	mailWaitMost = 60 // seconds
	mailWaitStep = 200 * time.Millisecond
	mailLookBack = 20 // mails of one address among which a live code is looked for
)

type (
	mailQuery struct {
		Address string `query:"address" maxLength:"254" doc:"Only mail to this address"`
		Cursor  string `query:"cursor" doc:"The next_cursor of the page before"`
		Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"25"`
	}
	codeQuery struct {
		Address string `query:"address" required:"true" maxLength:"254"`
		Wait    int    `query:"wait" minimum:"0" maximum:"60" doc:"Seconds to wait for a code if there is none yet"`
	}
	mailList struct {
		Body struct {
			Mails      []Mail `json:"mails" doc:"The newest first, without their text"`
			NextCursor string `json:"next_cursor,omitempty"`
		}
	}
	mailAnswer struct{ Body Mail }
	codeAnswer struct{ Body LiveCode }
)

func (a *Admin) mailRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-mails", Method: http.MethodGet, Path: "/api/v1/inbox", Summary: "List captured mail, the newest first"},
		func(ctx context.Context, in *mailQuery) (*mailList, error) {
			address, err := mailAddress(in.Address)
			if err != nil {
				return nil, err
			}
			cursor, err := parseCursor(in.Cursor)
			if err != nil {
				return nil, err
			}
			out := &mailList{}
			out.Body.Mails, out.Body.NextCursor, err = a.mails(ctx, address, cursor, in.Limit)
			return out, err
		})
	operation(a, api, huma.Operation{OperationID: "show-mail", Method: http.MethodGet, Path: "/api/v1/inbox/{id}", Summary: "Show a captured mail with its text"},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*mailAnswer, error) {
			m, err := a.mail(ctx, in.ID)
			return &mailAnswer{m}, err
		})
	operation(a, api, huma.Operation{OperationID: "live-code", Method: http.MethodGet, Path: "/api/v1/inbox/code", Summary: "The newest code for an address that can still be used"},
		func(ctx context.Context, in *codeQuery) (*codeAnswer, error) {
			address, err := mailAddress(in.Address)
			if err != nil {
				return nil, err
			}
			code, err := a.awaitCode(ctx, address, time.Duration(min(in.Wait, mailWaitMost))*time.Second)
			return &codeAnswer{code}, err
		})
}

func mailAddress(typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	address, err := authn.NormalizeAddress(typed)
	if err != nil {
		return "", refuse(422, "%q is not an e-mail address.", typed)
	}
	return address, nil
}

// mails lists captured mail without the texts.
func (a *Admin) mails(ctx context.Context, address string, cursor storage.ID, limit int) (mails []Mail, next string, err error) {
	err = a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		mails = []Mail{}
		rows, err := tx.Inbox(address, cursor, limit+1)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].ID.String()
		}
		for _, row := range rows {
			m, _, err := a.open(tx, row)
			if err != nil {
				return err
			}
			m.Text, m.HTML = "", ""
			mails = append(mails, m)
		}
		return nil
	})
	return mails, next, err
}

// mail is one captured mail.
func (a *Admin) mail(ctx context.Context, id string) (m Mail, err error) {
	parsed, err := storage.ParseID(id)
	if err != nil {
		return m, refuse(404, "There is no mail of that id.")
	}
	err = a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		row, err := tx.CapturedMail(parsed)
		if errors.Is(err, storage.ErrNotFound) {
			return refuse(404, "There is no mail of that id. It may have been cleared away.")
		}
		if err != nil {
			return err
		}
		m, _, err = a.open(tx, row)
		return err
	})
	return m, err
}

// open unseals a captured mail and finds out whether its code can still be used, and until when.
func (a *Admin) open(tx storage.Tx, row storage.Captured) (Mail, int64, error) {
	m, err := a.deps.OpenMail(row)
	if err != nil {
		return m, 0, err
	}
	m.ID = row.ID.String()
	sent := row.ID.Time()
	m.Sent = &sent
	if m.Code == "" || row.OTPID.IsZero() {
		return m, 0, nil
	}
	otp, err := tx.OTP(row.OTPID)
	if errors.Is(err, storage.ErrNotFound) {
		return m, 0, nil
	}
	m.Live = err == nil && a.deps.People.Usable(otp)
	return m, otp.Expires, err
}

// awaitCode returns the newest live code for an address, waiting for one up to wait.
func (a *Admin) awaitCode(ctx context.Context, address string, wait time.Duration) (LiveCode, error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		code, err := a.liveCode(ctx, address)
		if err != nil || code.Code != "" {
			return code, err
		}
		select {
		case <-deadline.C:
			return LiveCode{}, nil
		case <-ctx.Done():
			return LiveCode{}, ctx.Err()
		case <-time.After(mailWaitStep):
		}
	}
}

func (a *Admin) liveCode(ctx context.Context, address string) (code LiveCode, err error) {
	err = a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		code = LiveCode{}
		rows, err := tx.Inbox(address, storage.ID{}, mailLookBack)
		if err != nil {
			return err
		}
		for _, row := range rows {
			m, expires, err := a.open(tx, row)
			if err != nil {
				return err
			}
			if m.Live {
				code = LiveCode{m.Code, moment(expires)}
				return nil
			}
		}
		return nil
	})
	return code, err
}
