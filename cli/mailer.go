package cli

import (
	"context"
	"fmt"
	"slices"

	"gatelatch/email"
)

// sender is the mailer of the configuration; nil for the inbox, which the server keeps itself.
func (c *Config) sender(ctx context.Context) (email.Sender, error) {
	switch c.Email.Provider {
	case "ses":
		s, err := email.NewSES(ctx, email.SESConfig{
			AccessKeyID: c.Email.SES.AccessKeyID, SecretAccessKey: c.Email.SES.SecretAccessKey,
			Region: c.Email.SES.Region, Endpoint: c.Email.SES.Endpoint,
			From: c.Email.From, FromIdentityARN: c.Email.SES.FromIdentityARN,
			FeedbackForwardingAddress:     c.Email.SES.FeedbackForwardingAddress,
			FeedbackForwardingIdentityARN: c.Email.SES.FeedbackForwardingIdentityARN,
			ConfigurationSet:              c.Email.SES.ConfigurationSet,
		})
		if err != nil {
			return nil, fmt.Errorf("email.ses: %w", err)
		}
		return s, nil
	case "smtp":
		s, err := email.NewSMTP(c.smtp())
		if err != nil {
			return nil, fmt.Errorf("email.smtp: %w", err)
		}
		return s, nil
	}
	return nil, nil
}

func (c *Config) smtp() email.SMTPConfig {
	return email.SMTPConfig{URL: c.Email.SMTP.URL, From: c.Email.From}
}

func (c *Config) templates() []email.Template {
	list := slices.Clone(c.Email.pasted)
	for _, t := range c.Email.Templates {
		list = append(list, email.Template{Usage: email.Usage(t.Usage), Lang: t.Language, Subject: t.Subject, Text: t.Text, HTML: t.HTML})
	}
	return list
}
