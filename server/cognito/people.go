package cognito

import (
	"errors"
	"slices"
	"strconv"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// The states of a person, in the protocol's words.
const (
	statusConfirmed   = "CONFIRMED"
	statusUnconfirmed = "UNCONFIRMED"
	statusForced      = "FORCE_CHANGE_PASSWORD"
	statusReset       = "RESET_REQUIRED"
)

var errNoPerson = fail("UserNotFoundException", "User does not exist.")

// person is what administrators are told of somebody. Lists call the attributes otherwise than AdminGetUser does.
type person struct {
	Username             string
	Attributes           []attribute `json:",omitempty"`
	UserAttributes       []attribute `json:",omitempty"`
	UserCreateDate       float64
	UserLastModifiedDate float64
	Enabled              bool
	UserStatus           string
	UserMFASettingList   []string `json:",omitempty"`
	PreferredMfaSetting  string   `json:",omitempty"`
}

func moment(micros int64) float64 { return float64(micros) / 1e6 }

// aboutPerson is a request about one person.
type aboutPerson struct{ Username string }

// who finds the person a call is about, by address, sub or username.
func (d *Door) who(c *call, name string) (storage.User, error) {
	if name == "" {
		return storage.User{}, fail("InvalidParameterException", "Username cannot be empty")
	}
	u, err := d.Engine.Known(c.ctx, name)
	if errors.Is(err, authn.ErrNoUser) {
		err = errNoPerson
	}
	return u, err
}

// subject finds the person whom a call wants to change. Whoever looks after this server is out of reach of keys: who holds one manages
// the people of applications, and must not become the owner of it all.
func (d *Door) subject(c *call) (storage.User, error) {
	var in aboutPerson
	if err := c.read(&in); err != nil {
		return storage.User{}, err
	}
	u, err := d.who(c, in.Username)
	if err == nil && u.Role != "none" {
		err = fail("NotAuthorizedException", "This user looks after the server (%s): signature keys cannot change them.", u.Role)
	}
	return u, err
}

// about is an operation that changes one person and answers with nothing.
func (d *Door) about(do func(*call, storage.User) error) operation {
	return func(c *call) (any, error) {
		u, err := d.subject(c)
		if err != nil {
			return nil, err
		}
		return struct{}{}, gone(do(c, u))
	}
}

// gone is for people who went while a call was under way.
func gone(err error) error {
	if errors.Is(err, authn.ErrNoUser) {
		return errNoPerson
	}
	return err
}

// show describes a person.
func (d *Door) show(c *call, u storage.User) (person, error) {
	status, err := d.statusOf(c, u)
	if err != nil {
		return person{}, err
	}
	list, err := d.attributesOf(c, u)
	return person{Username: u.ID.String(), Attributes: list, UserCreateDate: moment(u.Created), UserLastModifiedDate: moment(u.Updated), Enabled: u.Active(), UserStatus: status}, err
}

// statusOf is the state of somebody who is there. Who has no password and signs in with codes lacks nothing.
func (d *Door) statusOf(c *call, u storage.User) (string, error) {
	state, err := d.Engine.PasswordState(c.ctx, u.ID)
	switch state {
	case authn.PasswordTemporary:
		return statusForced, err
	case authn.PasswordExpired:
		return statusReset, err
	}
	return statusConfirmed, err
}

// showWaiting describes somebody who has signed up and not brought the code yet.
func showWaiting(s authn.Awaited) person {
	list := []attribute{{"sub", s.UserID.String()}, {"email", s.Address}, {"email_verified", "false"}}
	return person{Username: s.UserID.String(), Attributes: append(list, textsOf(authn.AttributesOf(s.Person), authn.OwnAttributesOf(s.Person))...),
		UserCreateDate: moment(s.Created), UserLastModifiedDate: moment(s.Created), Enabled: true, UserStatus: statusUnconfirmed}
}

func (d *Door) adminGetUser(c *call) (any, error) {
	var in aboutPerson
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var out person
	u, err := d.who(c, in.Username)
	if errors.Is(err, errNoPerson) {
		s, waits := d.Engine.Registered(c.ctx, in.Username)
		if errors.Is(waits, authn.ErrNotWaiting) {
			return nil, err
		}
		out, err = showWaiting(s), waits
	} else if err == nil {
		if out, err = d.show(c, u); err == nil {
			out.UserMFASettingList, out.PreferredMfaSetting, err = d.mfaOf(c, u.ID)
		}
	}
	out.Attributes, out.UserAttributes = nil, out.Attributes
	return out, err
}

// adminCreateUser adds a person and tells them by mail, unless MessageAction is SUPPRESS. Who has no password signs in with a mailed code,
// or chooses one by ForgotPassword.
func (d *Door) adminCreateUser(c *call) (any, error) {
	var in struct {
		Username, TemporaryPassword, MessageAction string
		UserAttributes                             []attribute
		DesiredDeliveryMediums                     []string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.Username == "" {
		return nil, fail("InvalidParameterException", "Username cannot be empty")
	}
	address, values, err := readVouched(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	normal, err := authn.NormalizeAddress(in.Username)
	if err != nil {
		return nil, fail("InvalidParameterException", "Username should be an email.")
	}
	if given, err := authn.NormalizeAddress(address); address != "" && (err != nil || given != normal) {
		return nil, fail("InvalidParameterException", "Invalid email address format.")
	}
	if len(in.DesiredDeliveryMediums) > 0 && !slices.Contains(in.DesiredDeliveryMediums, "EMAIL") {
		return nil, fail("InvalidParameterException", "EMAIL is the only delivery medium here")
	}
	switch in.MessageAction {
	case "", "SUPPRESS":
	case "RESEND":
		return d.again(c, in.TemporaryPassword)
	default:
		return nil, fail("InvalidParameterException", "%.40s is not one of the message actions", printable(in.MessageAction))
	}
	u, err := d.Engine.CreatePerson(c.ctx, c.by, authn.NewPerson{Address: in.Username, Attributes: values, Temporary: in.TemporaryPassword, Welcome: in.MessageAction == ""})
	switch {
	case errors.Is(err, authn.ErrTaken):
		return nil, fail("UsernameExistsException", "User account already exists")
	case errors.Is(err, authn.ErrWeakPassword):
		return nil, weak(err)
	case err != nil:
		return nil, badAttribute(err)
	}
	out, err := d.show(c, u)
	return map[string]any{"User": out}, err
}

var errUsernameTaken = fail("AliasExistsException", "Somebody has this preferred_username already.")

// again mails somebody who has not replaced their temporary password another one: that of the call, or one that is made up.
func (d *Door) again(c *call, password string) (any, error) {
	u, err := d.subject(c)
	if err != nil {
		return nil, err
	}
	status, err := d.statusOf(c, u)
	switch {
	case err != nil:
		return nil, err
	case status != statusForced && status != statusReset:
		return nil, fail("UnsupportedUserStateException", "Resend not possible. Current status is %s", status)
	}
	if err := d.Engine.SetPassword(c.ctx, c.by, u.ID, authn.NewPassword{Password: password, Temporary: true, Welcome: true}); errors.Is(err, authn.ErrWeakPassword) {
		return nil, weak(err)
	} else if err != nil {
		return nil, gone(err)
	}
	out, err := d.show(c, u)
	return map[string]any{"User": out}, err
}

// readVouched is readAttributes for administrators, who vouch for what they say.
func readVouched(list []attribute) (address string, values map[string]any, err error) {
	var rest []attribute
	vouched := map[string]any{}
	for _, a := range list {
		switch a.Name {
		case "email_verified":
			if a.Value != "true" {
				return "", nil, fail("InvalidParameterException", "An address that is set here is verified: email_verified must be true")
			}
		case "phone_number_verified":
			if vouched[a.Name], err = strconv.ParseBool(a.Value); err != nil {
				return "", nil, fail("InvalidParameterException", "Invalid phone_number_verified: it must be true or false.")
			}
		default:
			rest = append(rest, a)
		}
	}
	address, values, err = readAttributes(rest)
	for name, value := range vouched {
		if values != nil {
			values[name] = value
		}
	}
	return address, values, err
}

func (d *Door) adminUpdateUserAttributes(c *call, u storage.User) error {
	var in struct{ UserAttributes []attribute }
	if err := c.read(&in); err != nil {
		return err
	}
	address, values, err := readVouched(in.UserAttributes)
	if err != nil {
		return err
	}
	if err := d.Engine.SetAttributes(c.ctx, c.by, u.ID, values); err != nil {
		return badAttribute(err)
	}
	if address == "" {
		return nil
	}
	return d.Engine.SetAddress(c.ctx, c.by, u.ID, address)
}

func (d *Door) adminDeleteUserAttributes(c *call, u storage.User) error {
	var in struct{ UserAttributeNames []string }
	if err := c.read(&in); err != nil {
		return err
	}
	values, err := forgotten(in.UserAttributeNames)
	if err != nil {
		return err
	}
	return badAttribute(d.Engine.SetAttributes(c.ctx, c.by, u.ID, values))
}

// adminSetUserPassword gives a person a password: their own (Permanent), or one they have to replace.
func (d *Door) adminSetUserPassword(c *call, u storage.User) error {
	var in struct {
		Password  string
		Permanent bool
	}
	if err := c.read(&in); err != nil {
		return err
	}
	err := d.Engine.SetPassword(c.ctx, c.by, u.ID, authn.NewPassword{Password: in.Password, Temporary: !in.Permanent})
	if errors.Is(err, authn.ErrWeakPassword) {
		return weak(err)
	}
	return err
}

// adminResetUserPassword ends a password: its person hears at the next sign-in that they have to choose another, by ForgotPassword.
func (d *Door) adminResetUserPassword(c *call, u storage.User) error {
	err := d.Engine.ExpirePassword(c.ctx, c.by, u.ID)
	if errors.Is(err, authn.ErrNoPassword) {
		return fail("NotAuthorizedException", "User password cannot be reset in the current state.")
	}
	return err
}

func (d *Door) adminDisableUser(c *call, u storage.User) error {
	return d.Engine.DisableUser(c.ctx, c.by, u.ID)
}

func (d *Door) adminEnableUser(c *call, u storage.User) error {
	return d.Engine.EnableUser(c.ctx, c.by, u.ID)
}

func (d *Door) adminUserGlobalSignOut(c *call, u storage.User) error {
	return d.Engine.SignOutEverywhere(c.ctx, c.by, u.ID)
}

func (d *Door) adminSetUserMFAPreference(c *call, u storage.User) error {
	return d.prefer(c, c.by, u.ID)
}

// adminDeleteUser deletes a person, or a sign-up that waits for its code.
func (d *Door) adminDeleteUser(c *call) (any, error) {
	var in aboutPerson
	if err := c.read(&in); err != nil {
		return nil, err
	}
	u, err := d.subject(c)
	if errors.Is(err, errNoPerson) {
		if waits := d.Engine.DropRegistration(c.ctx, c.by, in.Username); !errors.Is(waits, authn.ErrNotWaiting) {
			err = waits
		}
	} else if err == nil {
		err = gone(d.Engine.DeleteUser(c.ctx, c.by, u.ID))
	}
	return struct{}{}, err
}

// adminConfirmSignUp makes the person of a sign-up without its code.
func (d *Door) adminConfirmSignUp(c *call) (any, error) {
	var in aboutPerson
	if err := c.read(&in); err != nil {
		return nil, err
	}
	err := d.Engine.AdmitRegistration(c.ctx, c.by, in.Username)
	if !errors.Is(err, authn.ErrNotWaiting) {
		return struct{}{}, err
	}
	u, err := d.who(c, in.Username)
	if err != nil {
		return nil, err
	}
	status, err := d.statusOf(c, u)
	if err != nil {
		return nil, err
	}
	return nil, fail("NotAuthorizedException", "User cannot be confirmed. Current status is %s", status)
}
