package account

import (
	"cmp"
	"context"
	"slices"

	"gatelatch/server/authn"
)

// ProfileField is something that people say of themselves.
type ProfileField struct {
	Name     string            `json:"name"`
	Type     string            `json:"type" enum:"text,number,boolean,date,choice"`
	Labels   map[string]string `json:"labels,omitempty" doc:"By language; the application has its own words for claims of the standard that have none"`
	Choices  []ProfileChoice   `json:"choices,omitempty"`
	Required bool              `json:"required"`
	Settled  bool              `json:"settled" doc:"The person cannot change it: an administrator says it, or it can be said only once and has been"`
}

// ProfileChoice is a value that can be chosen.
type ProfileChoice struct {
	Value  string            `json:"value"`
	Labels map[string]string `json:"labels,omitempty"`
}

// ofProfile are the fields of the account page, the language among them.
func ofProfile(x authn.Experience) []authn.Field {
	front, more := profileParts(x)
	return slices.Concat(front, []authn.Field{x.Field("locale")}, more)
}

func (d *Door) fieldsOf(ctx context.Context, c *caller) ([]ProfileField, error) {
	x, err := d.engine.Experience(ctx)
	if err != nil {
		return nil, err
	}
	list, known := []ProfileField{}, authn.AttributesOf(c.User)
	for _, f := range ofProfile(x) {
		shown := ProfileField{Name: f.Name, Type: cmp.Or(f.Type, authn.FieldText), Labels: f.Labels, Required: f.Asked == authn.AskedRequired, Settled: settled(f, known)}
		for _, choice := range f.Choices {
			shown.Choices = append(shown.Choices, ProfileChoice{Value: choice.Value, Labels: choice.Labels})
		}
		list = append(list, shown)
	}
	return list, nil
}

// changeProfile changes what people say of themselves, and nothing that others say of them.
func (d *Door) changeProfile(ctx context.Context, c *caller, values map[string]any) error {
	x, err := d.engine.Experience(ctx)
	if err != nil {
		return err
	}
	fields := ofProfile(x)
	for name := range values {
		if !slices.ContainsFunc(fields, func(f authn.Field) bool { return f.Name == name }) {
			return &authn.BadAttribute{Name: name}
		}
	}
	return d.engine.SetAttributes(ctx, c.by(), c.User.ID, values)
}
