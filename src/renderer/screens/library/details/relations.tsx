import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import type { Output } from '../../../api.ts';
import { useModels } from '../../../models.ts';
import classes from './details.module.css';

interface Props {
  readonly model: Model;
  readonly lineage: Output<'library.get'>['lineage'] | undefined;
}

interface Entry {
  readonly key: string;
  readonly label: string;
  readonly name: string;
  readonly modelId: string | null;
}

/** From what it was made, what was made from it, and what is the same. */
export function Relations({ model, lineage }: Props) {
  const { t } = useTranslation();
  const models = useModels();
  const twins = model.duplicateIds.flatMap((id) => models.find((other) => other.id === id) ?? []);
  const entries: Entry[] = [
    ...(lineage?.parents ?? []).map(({ modelId, name, role }) => ({
      key: `p:${role}:${name}`,
      label: t(`library.roles.${role}`),
      name,
      modelId,
    })),
    ...(lineage?.children ?? []).map(({ modelId, name }) => ({ key: `c:${modelId}`, label: t('library.roles.child'), name, modelId })),
    ...twins.map(({ id, name }) => ({ key: `d:${id}`, label: t('library.roles.duplicate'), name, modelId: id })),
  ];
  const recipe = Object.entries(lineage?.recipe ?? {});
  const versions = Object.entries(lineage?.versions ?? {});
  if (entries.length === 0 && recipe.length === 0) return null;
  const plain = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  return (
    <section aria-labelledby="relations">
      <h3 className={classes.sectionTitle} id="relations">
        {t('library.details.lineage')}
      </h3>
      <dl className={classes.facts}>
        {entries.map(({ key, label, name, modelId }) => (
          <div key={key} className={classes.fact}>
            <dt>{label}</dt>
            <dd>
              {modelId === null ? (
                name
              ) : (
                <Link to="/library" search={{ model: modelId }} className={classes.link}>
                  {name}
                </Link>
              )}
            </dd>
          </div>
        ))}
        {[...recipe, ...versions].map(([key, value]) => (
          <div key={`r:${key}`} className={classes.fact}>
            <dt>
              <code>{key}</code>
            </dt>
            <dd className={classes.recipe}>{plain(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
