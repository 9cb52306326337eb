package email

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// sesTimeout bounds one call, all of it. SES answers in well under a second; the outbox tries again.
const sesTimeout = 15 * time.Second

// SESConfig is what Amazon SES v2 wants to know.
type SESConfig struct {
	// AccessKeyID and SecretAccessKey belong together. With both empty the default AWS chain is asked: environment,
	// shared files, container or instance role.
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary keys; only with the two above
	Region          string // as eu-central-1; empty: what the default AWS chain says
	Endpoint        string // another URL than Amazon's own, for VPC endpoints and emulators

	From            string // `sign-in@example.com` or `Bookstore <sign-in@example.com>`
	FromIdentityARN string // of the identity in another account that lets us send as From

	FeedbackForwardingAddress     string // where bounces and complaints go
	FeedbackForwardingIdentityARN string // of the identity that lets us use that address

	ConfigurationSet string
}

// SES sends through Amazon SES v2.
type SES struct {
	client *sesv2.Client
	from   From
	region string
	static bool // keys came from our own settings
	config SESConfig
}

// regionName is the form of a region. An availability zone (eu-central-1a) is the usual mistake.
var regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)

// sesIdentity is the form of an SES identity's ARN, in every partition.
var sesIdentity = regexp.MustCompile(`^arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{12}:identity/[^\s\x00-\x1f\x7f]+$`)

// configurationSet is the form SES gives such names.
var configurationSet = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// NewSES checks the settings and prepares the sender. It does not call Amazon. An error names the setting at fault and
// never holds a key.
func NewSES(ctx context.Context, c SESConfig) (*SES, error) {
	from, err := ParseFrom(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if c.FeedbackForwardingAddress != "" {
		if c.FeedbackForwardingAddress, err = Address(c.FeedbackForwardingAddress); err != nil {
			return nil, fmt.Errorf("feedback_forwarding_address: %w", err)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}

	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(sesTimeout)),
		// One attempt: the outbox decides when to try again, and a silent second one may be a second mail.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.AccessKeyID != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings of this machine: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("region: missing; name the one that holds your SES identity, such as eu-central-1")
	}
	client := sesv2.NewFromConfig(loaded, func(o *sesv2.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
	})
	return &SES{client: client, from: from, region: loaded.Region, static: c.AccessKeyID != "", config: c}, nil
}

// check looks at the settings one by one.
func (c SESConfig) check() error {
	if (c.AccessKeyID == "") != (c.SecretAccessKey == "") {
		return errors.New("access_key_id and secret_access_key belong together; leave both out for the usual AWS credentials")
	}
	if c.SessionToken != "" && c.AccessKeyID == "" {
		return errors.New("session_token: it needs access_key_id and secret_access_key")
	}
	for _, key := range []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken} {
		if strings.TrimSpace(key) != key || headerText("key", key, 4096) != nil {
			return errors.New("access_key_id, secret_access_key: there is a space or line break around a key; copy it again")
		}
	}
	if c.Region != "" && !regionName.MatchString(c.Region) {
		return fmt.Errorf("region: %q is not the name of a region; expected one such as eu-central-1", c.Region)
	}
	if c.FromIdentityARN != "" && !sesIdentity.MatchString(c.FromIdentityARN) {
		return errors.New("from_identity_arn: expected arn:aws:ses:REGION:ACCOUNT:identity/NAME")
	}
	if c.FeedbackForwardingIdentityARN != "" && !sesIdentity.MatchString(c.FeedbackForwardingIdentityARN) {
		return errors.New("feedback_forwarding_identity_arn: expected arn:aws:ses:REGION:ACCOUNT:identity/NAME")
	}
	if c.ConfigurationSet != "" && !configurationSet.MatchString(c.ConfigurationSet) {
		return errors.New("configuration_set: expected letters, digits, _ and - only")
	}
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("endpoint: expected https://host")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return errors.New("endpoint: http is for this machine only; use https")
	}
	return nil
}

// Send implements [Sender] with one SendEmail call of simple content in UTF-8.
func (s *SES) Send(ctx context.Context, m Message) error {
	m, err := m.ready("ses")
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, sesTimeout)
	defer cancel()
	if _, err := s.client.SendEmail(limited, s.input(m)); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("send mail by ses: %w", ctx.Err())
		}
		return s.explain(err, m.To)
	}
	return nil
}

// input is the request for one message.
func (s *SES) input(m Message) *sesv2.SendEmailInput {
	body := &types.Body{Text: utf8Content(m.Text)}
	if m.HTML != "" {
		body.Html = utf8Content(m.HTML)
	}
	return &sesv2.SendEmailInput{
		FromEmailAddress:                          aws.String(s.from.String()),
		FromEmailAddressIdentityArn:               optional(s.config.FromIdentityARN),
		FeedbackForwardingEmailAddress:            optional(s.config.FeedbackForwardingAddress),
		FeedbackForwardingEmailAddressIdentityArn: optional(s.config.FeedbackForwardingIdentityARN),
		ConfigurationSetName:                      optional(s.config.ConfigurationSet),
		Destination:                               &types.Destination{ToAddresses: []string{m.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: utf8Content(m.Subject),
			Body:    body,
			// RFC 3834 §5: nobody's holiday notice should answer a code.
			Headers: []types.MessageHeader{{Name: aws.String("Auto-Submitted"), Value: aws.String("auto-generated")}},
		}},
	}
}

// utf8Content is text as SES takes it.
func utf8Content(s string) *types.Content {
	return &types.Content{Data: aws.String(s), Charset: aws.String("UTF-8")}
}

// optional is nil for an empty setting, which leaves the field out of the request.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

// loopback reports whether host is this machine by its name alone; it asks no resolver.
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
