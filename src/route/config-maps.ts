/** ConfigMaps for applications, rendered from the spec's templates. */
import { PRIMARY_ANNOTATION, RESOURCES } from '../api/resources.ts';
import { joinPlans, type PartialPlan, type RouteInput } from './contract.ts';
import { publishData, renderData } from './published-data.ts';
import { publicVariables, type RouteAddresses } from './variables.ts';

export function planConfigMaps(input: RouteInput, routes: RouteAddresses): PartialPlan {
  const variables = publicVariables(input, routes);
  const plans = input.spec.routes.configMaps.map(({ name, data }): PartialPlan => {
    const object = { kind: 'ConfigMap', name } as const;
    const rendering = renderData(object, data, variables);
    if (rendering.kind === 'Faulty') return { writes: [], problems: rendering.problems };
    return publishData(input, {
      resource: RESOURCES.configMap,
      object,
      current: input.current.configMaps,
      annotations: { [PRIMARY_ANNOTATION]: input.target.primary ?? '' },
      content: { data: rendering.data },
    });
  });
  return joinPlans(plans);
}
