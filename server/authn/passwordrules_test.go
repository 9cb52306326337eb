package authn

import (
	"strings"
	"testing"
)

func TestWeaknessesOfPasswords(t *testing.T) {
	own := []string{"Ann Example", "ann", "ann@bookstore.example", "id.example.com", "gatelatch"}
	alone, second := PasswordRule{15, 256}, PasswordRule{8, 256}
	for _, c := range []struct {
		password string
		rule     PasswordRule
		want     Weakness
	}{
		{"fourteen chars", alone, WeakShort},
		{"fifteen letters", alone, 0},
		{"", second, WeakShort},
		{"7 chars", second, WeakShort},
		{"8 chars!", second, 0},
		{"nur Kleinbuchstaben", alone, 0}, // no rule of composition
		{"               ", alone, WeakCommon},
		{"пятнадцать букв", alone, 0},
		{strings.Repeat("\U0001f511\U0001f6aa ", 5), alone, WeakCommon},
		{"\U0001f511\U0001f6aa\U0001f40e\U0001f50b\U0001f9f7\U0001f33b\U0001f680\U0001f41f", second, 0}, // a code point is a character
		{strings.Repeat("abcdefgh ijklmno ", 15) + "x", alone, 0},
		{strings.Repeat("abcdefgh ijklmno ", 15) + "xy", alone, WeakLong},
		{"valid until \xff here", alone, WeakText},
		{"password", second, WeakCommon},
		{"PassWord", second, WeakCommon},
		{"pass-word", second, WeakCommon},
		{"iloveyou", second, WeakCommon},
		{"passwordpassword", alone, WeakCommon},
		{"correct horse battery staple", alone, WeakCommon},
		{"password of the moon", alone, 0}, // a part is not the whole
		{"abcabcabcabcabcabc", alone, WeakCommon},
		{"aaaaaaaaaaaaaaaaaa", alone, WeakCommon},
		{"123456789012345678", alone, WeakCommon},
		{"qwertyuiopasdfghjkl", alone, WeakCommon},
		{"abcdef654321qwert", alone, WeakCommon},
		{"mnopqrstuvwxyzABCD", alone, WeakCommon},
		{"xk29ab7x", second, 0}, // ends as it begins
		{"482910573829104", alone, 0},
		{"ann.example.2024", alone, WeakPersonal},
		{"Ann-Example-Ann-Example", alone, WeakPersonal},
		{"bookstoreExample1", alone, WeakPersonal},
		{"gatelatch.gatelatch!", alone, WeakPersonal},
		{"Gatelatch2026!!!", alone, WeakPersonal},
		{"planner-mystic-ok", alone, 0}, // "ann" happens to be in it
	} {
		if got := weakness(compared(c.password), c.rule, own); got != c.want {
			t.Errorf("%q, at least %d: got %d, want %d", c.password, c.rule.Least, got, c.want)
		}
	}
}

func TestCommonPasswordsAreInTheOrderTheyAreSearchedIn(t *testing.T) {
	list := commonPasswords()
	if len(list) < 10_000 {
		t.Fatalf("the list has only %d", len(list))
	}
	for i, p := range list {
		if i > 0 && list[i-1] >= p || p != strings.ToLower(p) || len([]rune(p)) < 8 {
			t.Fatalf("%q after %q", p, list[max(0, i-1)])
		}
	}
}
