package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse"
)

type accountCommand struct {
	Create         accountCreateCommand         `cmd:"" help:"Make an account."`
	List           accountListCommand           `cmd:"" help:"List accounts in the order they were made."`
	Search         accountSearchCommand         `cmd:"" help:"Look accounts up by how their address, user name or name begins."`
	Show           accountShowCommand           `cmd:"" help:"Show one account."`
	Disable        accountDisableCommand        `cmd:"" help:"Keep an account from signing in and end its sessions."`
	Enable         accountEnableCommand         `cmd:"" help:"Let a disabled account sign in again."`
	SignOut        accountSignOutCommand        `cmd:"" help:"End all sessions of an account."`
	SendReset      accountSendResetCommand      `cmd:"" help:"Mail a link to choose a new password."`
	Unlock         accountUnlockCommand         `cmd:"" help:"Forgive an account its failed sign-ins."`
	ResetFactors   accountResetFactorsCommand   `cmd:"" help:"Take all second factors from an account whose owner lost them."`
	CancelRecovery accountCancelRecoveryCommand `cmd:"" help:"Keep whoever says that they lost them from removing an account's second factors."`
	SetPassword    accountSetPasswordCommand    `cmd:"" help:"Give an account a new password and end its sessions."`
	SetAttributes  accountSetAttributesCommand  `cmd:"" help:"Change custom attributes of an account, read-only ones too."`
	SetStaff       accountSetStaffCommand       `cmd:"" help:"Make an account a member of staff with a role, or the opposite."`
	SetSuperuser   accountSetSuperuserCommand   `cmd:"" help:"Let an account do everything, or no longer."`
}

type accountCreateCommand struct {
	Email string `arg:"" help:"Mail address."`
	passwordFlags
	NoPassword bool   `xor:"password" help:"Without a password: until one is set, or the owner chooses one through a reset (GATEHOUSE_PASSWORD__FIRST_BY_RESET)."`
	Username   string `help:"User name."`
	FullName   string `help:"Full name."`
	Phone      string `help:"Phone number."`
	Locale     string `help:"Language, such as de or pt-BR."`
	Attributes string `help:"Custom attributes." placeholder:"JSON"`
	Subject    string `help:"Id that the account had in another system; cannot be changed later." placeholder:"ID"`
	Unverified bool   `help:"Nobody vouches for the address: signing in waits for its verification."`
	Staff      bool   `help:"A member of staff."`
	Role       string `help:"What a member of staff may do: operator (default), support, auditor, or a role of the configuration." placeholder:"NAME"`
	Superuser  bool   `help:"May do everything; includes --staff."`
	JSON       bool   `help:"As JSON."`
}

// Run makes the account.
func (c *accountCreateCommand) Run(ctx context.Context, g *globals) error {
	n := gatehouse.NewAccount{
		Email: c.Email, Username: c.Username, FullName: c.FullName, Phone: c.Phone, Locale: c.Locale, Subject: c.Subject,
		AnyPassword: c.AnyPassword, Unverified: c.Unverified, Staff: c.Staff, StaffRole: c.Role, Superuser: c.Superuser,
	}
	if c.Attributes != "" {
		var err error
		if n.Attributes, err = attributes("--attributes", c.Attributes); err != nil {
			return err
		}
	}
	if !c.NoPassword {
		var err error
		if n.Password, err = c.read(ctx); err != nil {
			return err
		}
	}
	return withNewEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		a, err := gh.CreateAccount(ctx, n)
		return done(a, err, "created", c.JSON)
	})
}

// attributes reads what is given as custom attributes; where names it for people.
func attributes(where, text string) (values map[string]any, err error) {
	if err := json.Unmarshal([]byte(text), &values); err != nil || values == nil {
		return nil, usage(`%s must be a JSON object, such as {"department": "sales"}`, where)
	}
	return values, nil
}

type accountListCommand struct {
	After string `help:"Start after the account with this id." placeholder:"ID"`
	Limit int    `help:"At most so many; 0 means all."`
	JSON  bool   `help:"As JSON, one object on each line."`
}

// Run lists accounts page by page, so that any number of them takes little memory.
func (c *accountListCommand) Run(ctx context.Context, g *globals) error {
	if c.Limit < 0 {
		return usage("--limit must not be negative")
	}
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(table, "ID\tEMAIL\tUSERNAME\tSTATE\tJOINED")
		}
		for after, left := c.After, c.Limit; ; {
			page, err := gh.Accounts(ctx, after, left)
			if err != nil {
				return err
			}
			for _, a := range page {
				if c.JSON {
					err = printJSON(a)
				} else {
					_, err = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", a.ID, a.Email, username(a), state(a), a.DateJoined.Format(time.DateOnly))
				}
				if err != nil {
					return err
				}
				after = a.ID
			}
			left -= len(page)
			if len(page) == 0 || c.Limit > 0 && left == 0 {
				return table.Flush()
			}
		}
	})
}

type accountShowCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run shows the account.
func (c *accountShowCommand) Run(ctx context.Context, g *globals) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		a, err := gh.FindAccount(ctx, c.Account)
		if err != nil || c.JSON {
			return done(a, err, "", c.JSON)
		}
		lastLogin := "never"
		if a.LastLogin != nil {
			lastLogin = a.LastLogin.Format(time.RFC3339)
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, row := range [][2]string{
			{"id", a.ID}, {"email", a.Email}, {"username", username(a)}, {"state", state(a)}, {"full name", a.FullName},
			{"phone", a.Phone}, {"locale", a.Locale}, {"staff role", cmp.Or(a.StaffRole, "-")}, {"joined", a.DateJoined.Format(time.RFC3339)}, {"last login", lastLogin},
		} {
			fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
		}
		return table.Flush()
	})
}

type accountDisableCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	Force   bool   `help:"Even if no active superuser is left."`
	JSON    bool   `help:"As JSON."`
}

// Run disables the account.
func (c *accountDisableCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.DisableAccount(ctx, id, forced(c.Force)...)
		return done(a, err, "disabled", c.JSON)
	})
}

type accountEnableCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	JSON    bool   `help:"As JSON."`
}

// Run enables the account.
func (c *accountEnableCommand) Run(ctx context.Context, g *globals) error {
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.EnableAccount(ctx, id)
		return done(a, err, "enabled", c.JSON)
	})
}

type accountSetPasswordCommand struct {
	Account string `arg:"" help:"Mail address, id or user name."`
	passwordFlags
	JSON bool `help:"As JSON."`
}

// Run sets the password.
func (c *accountSetPasswordCommand) Run(ctx context.Context, g *globals) error {
	password, err := c.read(ctx)
	if err != nil {
		return err
	}
	return onAccount(ctx, g, c.Account, func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error {
		a, err := gh.SetPassword(ctx, id, password, c.AnyPassword)
		return done(a, err, "password set for", c.JSON)
	})
}

// onAccount finds an account by any of its names and runs fn with its id.
func onAccount(ctx context.Context, g *globals, name string, fn func(ctx context.Context, gh *gatehouse.Gatehouse, id string) error) error {
	return withEngine(ctx, g, func(ctx context.Context, gh *gatehouse.Gatehouse) error {
		a, err := gh.FindAccount(ctx, name)
		if err != nil {
			return err
		}
		return fn(ctx, gh, a.ID)
	})
}

// done prints what became of an account.
func done(a *gatehouse.Account, err error, what string, asJSON bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(a)
	}
	_, err = fmt.Println(what, a.Email, a.ID)
	return err
}

func username(a *gatehouse.Account) string {
	if a.Username == nil {
		return "-"
	}
	return *a.Username
}

func state(a *gatehouse.Account) string {
	words := []string{"active"}
	if !a.IsActive {
		words[0] = "disabled"
	}
	if !a.Verified {
		words = append(words, "unverified")
	}
	switch {
	case a.IsSuperuser:
		words = append(words, "superuser")
	case a.IsStaff:
		words = append(words, "staff")
	}
	return strings.Join(words, ",")
}

// printable keeps what people wrote about themselves from driving the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
