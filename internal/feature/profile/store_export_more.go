package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// factorsOf returns what is known of second factors, those that wait to be confirmed among them.
func factorsOf(ctx context.Context, d db.Scoped, id account.ID) (f exportFactors, err error) {
	for what, list := range map[string]*[]exportFactor{
		`SELECT name, created_at, confirmed_at, last_used_at FROM totp_device WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`: &f.TOTP,
		`SELECT name, created_at, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`:       &f.Passkeys,
	} {
		*list, err = rows(ctx, d, "factors", what, []any{id, maxOthers + 1}, func(scan func(...any) error) (e exportFactor, err error) {
			var confirmed, used time.Time
			err = scan(&e.Name, db.Time(&e.CreatedAt), db.Time(&confirmed), db.Time(&used))
			e.ConfirmedAt, e.LastUsedAt = moment(confirmed), moment(used)
			return e, err
		})
		if err != nil {
			return f, err
		}
	}
	var made, mailed, due time.Time
	err = d.Row(ctx, `SELECT (SELECT max(created_at) FROM backup_code WHERE account_id = $1), (SELECT count(*) FROM backup_code WHERE account_id = $1 AND used_at IS NULL),
		(SELECT count(*) FROM backup_code WHERE account_id = $1 AND used_at IS NOT NULL), (SELECT created_at FROM email_factor WHERE account_id = $1),
		(SELECT due_at FROM factor_grace WHERE account_id = $1)`, []any{id}, db.Time(&made), &f.BackupCodes.Left, &f.BackupCodes.Used, db.Time(&mailed), db.Time(&due))
	if err != nil {
		return f, fmt.Errorf("profile: export factors: %w", err)
	}
	f.BackupCodes.CreatedAt, f.MailedSince, f.DueAt = moment(made), moment(mailed), moment(due)
	return f, nil
}

func devicesOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportDevice, error) {
	return rows(ctx, d, "devices", `SELECT created_at, trusted_until FROM device WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`,
		[]any{id, maxOthers + 1}, func(scan func(...any) error) (e exportDevice, err error) {
			var trusted time.Time
			err = scan(db.Time(&e.CreatedAt), db.Time(&trusted))
			e.TrustedUntil = moment(trusted)
			return e, err
		})
}

// namesOf returns what the account gave up and others may not have yet, as it is compared.
func namesOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportName, error) {
	return rows(ctx, d, "names", `SELECT kind, name_key, until FROM reserved_name WHERE account_id = $1 ORDER BY until DESC, name_key LIMIT $2`,
		[]any{id, maxOthers + 1}, func(scan func(...any) error) (e exportName, err error) {
			err = scan(&e.Kind, &e.Name, db.Time(&e.Until))
			return e, err
		})
}

func recoveriesOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportRequest, error) {
	return rows(ctx, d, "recoveries", `SELECT created_at, ready_at, cancelled_at, done_at, device, address FROM factor_recovery WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`,
		[]any{id, maxOthers + 1}, func(scan func(...any) error) (e exportRequest, err error) {
			var cancelled, done time.Time
			err = scan(db.Time(&e.CreatedAt), db.Time(&e.ReadyAt), db.Time(&cancelled), db.Time(&done), &e.Device, &e.Address)
			e.CancelledAt, e.DoneAt = moment(cancelled), moment(done)
			return e, err
		})
}

// tenantsOf returns the tenants that the account belongs to. What a role holds is the tenant's, so roles
// are only named.
func tenantsOf(ctx context.Context, d *db.DB, id account.ID) ([]exportMembership, error) {
	found, err := tenant.Of(ctx, d, new(role.Set), id)
	if err != nil {
		return nil, err
	}
	attributes, err := tenant.AttributesOf(ctx, d, id)
	all := make([]exportMembership, len(found))
	for i, m := range found {
		all[i] = exportMembership{ID: m.Tenant.ID.String(), Slug: m.Tenant.Slug, Name: m.Tenant.Name, Role: m.Grant.Role, Permissions: append([]string{}, m.Grant.Direct...), JoinedAt: m.JoinedAt, Attributes: attributes[m.Tenant.ID]}
	}
	return all, err
}
