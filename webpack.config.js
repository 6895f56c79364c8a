// Builds the dashboard as a user of the package would: `lotwise` resolves through its `exports`.

import CopyPlugin from 'copy-webpack-plugin';
import { EsbuildPlugin } from 'esbuild-loader';
import HtmlPlugin from 'html-webpack-plugin';
import CssPlugin from 'mini-css-extract-plugin';
import { fileURLToPath } from 'node:url';

const www = fileURLToPath(new URL('www', import.meta.url));
const target = 'es2022';

export default {
  mode: 'production',
  context: www,
  entry: './main.ts',
  // No eval and nothing inline: the page runs under the CSP of www/_headers.
  devtool: false,
  output: {
    path: `${www}/dist`,
    // Everything under assets/ is named after its content and cached for ever.
    filename: 'assets/[name].[contenthash].js',
    assetModuleFilename: 'assets/[name].[contenthash][ext]',
    clean: true,
  },
  resolve: {
    extensions: ['.ts', '.js'],
    extensionAlias: { '.js': ['.ts', '.js'] },
  },
  module: {
    rules: [
      { test: /\.ts$/, loader: 'esbuild-loader', options: { target } },
      { test: /\.css$/, use: [CssPlugin.loader, 'css-loader'] },
    ],
  },
  optimization: { minimizer: [new EsbuildPlugin({ target, css: true })] },
  plugins: [
    new HtmlPlugin({ template: './index.html' }),
    new CssPlugin({ filename: 'assets/[name].[contenthash].css' }),
    new CopyPlugin({ patterns: ['_headers'] }),
  ],
  // The budget is size-limit's, over what goes over the wire.
  performance: { hints: false },
  stats: 'errors-warnings',
};
