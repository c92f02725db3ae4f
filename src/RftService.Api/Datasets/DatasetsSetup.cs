namespace RftService.Api.Datasets;

internal static class DatasetsSetup
{
    public static void AddDatasets(this IServiceCollection services) => services
        .AddScoped<DatasetStore>()
        .AddHostedService<IncomingSweeper>();
}
