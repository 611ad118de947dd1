-- +goose Up

-- When a domain was looked at last, whatever came of it, since when and how often in a row the challenge was
-- nowhere, and how often in a row up to now both places answered so.
ALTER TABLE tenant_domain ADD COLUMN tried_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant_domain ADD COLUMN missing_since BIGINT;
ALTER TABLE tenant_domain ADD COLUMN missed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant_domain ADD COLUMN missed_both BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tenant_domain_due ON tenant_domain (tried_at) WHERE verified_at IS NOT NULL;

-- What a name looks like at a glance, without punctuation; letters of other scripts count as the Latin ones
-- that they are taken for. Of names there already that look alike, the oldest has the look: nobody is renamed.
ALTER TABLE tenant ADD COLUMN name_look TEXT;
SELECT set_config('gatehouse.all', 'on', true);
WITH looks AS (
  SELECT id, created_at, replace(replace(replace(replace(replace(replace(replace(translate(name_key,
    'авгезкмнопрстухёїіјѕһѵүӏәӕԁԛԝьαβγεζηικμνορστυχωագզհյոստցօլᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴꭰꭱꭲꭵꭹꭺꭻꭼꮃꮇꮋꮍꮐꮒꮓꮞꮟꮢꮤꮥꮩꮪꮮꮯꮲꮶꮷᏻᏼⲁⲍⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜıȷƅƨƽǝɣʋɩʊ〇〆丨ᅵᄋㄨ|∣│┃× _.,:;!?&#%@*/\"''^`()[]{}¡¿§¶·«»‐‒–—―−˗⁃─━➖▬‘’‚‛“”„‹›′•‧∙⋅†‡‰∕⁄〜〝〟、。〃・゠「」『』【】〈〉《》〔〕־׳״،؛؟۔।॥։֊་།፡።፣၊။។ʹʺʻʼʽʾʿˀˁˈˊˋːـー一ᅳ̇',
    'abre3kmhonpctyxëïijshvyləædqwbabyezhikmnopotyxwwqqhjnusgoldrtiyajewmhyghz4brwsvslcpkdgbdrtiyajewmhyghz4brwsvslcpkdgbazhikmnopctyxabcdefghijklmnoprstuvwxyzijbssəyviuoxlloxllllx------------------------------------------------------------------------------------------------------------------------'), 'rn', 'm'), 'vv', 'w'), '0', 'o'), '1', 'l'), 'i', 'l'), '5', 's'), '-', '') AS look FROM tenant), ranked AS (
  SELECT id, look, row_number() OVER (PARTITION BY look ORDER BY created_at, id) AS place FROM looks)
UPDATE tenant SET name_look = ranked.look FROM ranked WHERE ranked.id = tenant.id AND ranked.place = 1;
CREATE UNIQUE INDEX tenant_name_look ON tenant (name_look);

-- +goose Down
DROP INDEX tenant_name_look;
ALTER TABLE tenant DROP COLUMN name_look;
DROP INDEX tenant_domain_due;
ALTER TABLE tenant_domain DROP COLUMN missed_both;
ALTER TABLE tenant_domain DROP COLUMN missed;
ALTER TABLE tenant_domain DROP COLUMN missing_since;
ALTER TABLE tenant_domain DROP COLUMN tried_at;
