package server

import (
	"context"

	"gatelatch/email"
	"gatelatch/server/admin"
)

// testMail sends the mail by which an administrator sees whether the settings work.
func (s *Server) testMail(mail email.Sender) func(context.Context, string) (admin.MailTest, error) {
	return func(ctx context.Context, address string) (admin.MailTest, error) {
		m, err := email.Test(s.cfg.Words.Match(s.cfg.Language), address, s.cfg.PublicURL.Host)
		if err != nil {
			return admin.MailTest{}, err
		}
		d := email.Diagnose(ctx, mail, m)
		return admin.MailTest{Sent: d.Sent && s.cfg.Mail != "inbox", Captured: d.Sent && s.cfg.Mail == "inbox", Reason: d.Reason, Next: d.Next, Answer: d.Answer, Facts: d.Facts, Dialogue: d.Dialogue}, nil
	}
}
